/* SPDX-License-Identifier: Apache-2.0 */
/* tpm2-tss built without its configure script: mbedTLS back end, no shared libraries, no logging. */
#ifndef DEPS_TSS_CONFIG_H
#define DEPS_TSS_CONFIG_H

#define MBED        1
#define NO_DL       1
#define MAXLOGLEVEL 0

#endif
