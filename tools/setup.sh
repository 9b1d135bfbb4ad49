#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Install, by apt, what building and testing Redoubt needs on Debian 12. Does nothing, and needs no
# privilege, when everything is there.
set -eu

packages="
build-essential clang clang-14 lld-14 clang-format-14 clang-tidy-14 libclang-rt-14-dev llvm-14 nasm perl
meson ninja-build dpkg-dev xz-utils bzip2 ca-certificates debian-archive-keyring util-linux git
gnu-efi mtools dosfstools cpio busybox-static kmod mmdebstrap
qemu-system-x86 qemu-utils ovmf bochs bochs-term vgabios swtpm swtpm-tools tpm2-tools gnutls-bin openssl socat
libssl-dev libsqlite3-dev libtss2-dev libzydis-dev
python3 python3-cbor2 python3-cryptography
iproute2 procps e2fsprogs
cloc cppcheck shellcheck
"

missing() {
	for p in $packages; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || echo "$p"
	done
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		echo "setup: not root and no sudo here; as root, run: apt-get install $(echo "$need" | tr '\n' ' ')" >&2
		exit 1
	fi
}

need=$(missing)
[ -n "$need" ] || exit 0
echo "setup: installing $(echo "$need" | tr "\n" " ")"
as_root apt-get update -q
# shellcheck disable=SC2086
as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $need
need=$(missing)
if [ -n "$need" ]; then
	echo "setup: still missing after apt-get install: $(echo "$need" | tr "\n" " ")" >&2
	exit 1
fi
