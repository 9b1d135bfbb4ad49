/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands in for tpm2-tss's TCTI loader, which ESYS calls when it is given no TCTI: we always give
 * one, so asking for the default is refused.
 */
#include <tss2/tss2_tctildr.h>

TSS2_RC Tss2_TctiLdr_Initialize(const char *name, TSS2_TCTI_CONTEXT **context)
{
	(void)name;
	(void)context;
	return TSS2_TCTI_RC_NOT_SUPPORTED;
}

void Tss2_TctiLdr_Finalize(TSS2_TCTI_CONTEXT **context)
{
	(void)context;
}
