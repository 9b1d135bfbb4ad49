/* SPDX-License-Identifier: Apache-2.0 */
/* lwIP 2.2: raw API, one thread, its own pools and the component's heap. TLS sits above it, not in it. */
#ifndef DEPS_LWIP_LWIPOPTS_H
#define DEPS_LWIP_LWIPOPTS_H

#define NO_SYS               1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_NETCONN         0
#define LWIP_SOCKET          0
#define LWIP_TIMERS          1

/* What the network may reach: ARP, DHCP's answers, and TCP connections that we opened. */
#define LWIP_IPV4                1
#define LWIP_IPV6                0
#define LWIP_DHCP                1
#define LWIP_DHCP_DOES_ACD_CHECK 0
#define LWIP_DNS                 0
#define LWIP_TCP                 1
#define LWIP_UDP                 1
#define LWIP_ICMP                0
#define LWIP_RAW                 0
#define IP_REASSEMBLY            0
#define IP_FRAG                  0
#define IP_FORWARD               0
#define LWIP_STATS               0

/* Packets to send come from the heap, all else from pools: what the network fills up cannot starve the timers. */
#define MEM_ALIGNMENT    16
#define MEM_LIBC_MALLOC  1
#define MEMP_MEM_MALLOC  0
#define PBUF_POOL_SIZE   512
#define MEMP_NUM_TCP_PCB 64
#define MEMP_NUM_TCP_SEG 1024

#define TCP_MSS            1460
#define LWIP_WND_SCALE     1
#define TCP_RCV_SCALE      3
#define TCP_WND            (44 * TCP_MSS * 4)
#define TCP_SND_BUF        (44 * TCP_MSS)
#define TCP_SND_QUEUELEN   256
#define LWIP_TCP_SACK_OUT  1
#define LWIP_TCP_KEEPALIVE 1

/* Segments out of order are kept only so far; numbers and ports are hard to guess (RFC 6056, RFC 6528). */
#define TCP_OOSEQ_MAX_PBUFS                                       256
#define LWIP_RANDOMIZE_INITIAL_LOCAL_PORTS                        1
#define LWIP_HOOK_TCP_ISN(local, local_port, remote, remote_port) LWIP_RAND()

#define LWIP_NETIF_TX_SINGLE_PBUF 1
#define LWIP_CHKSUM_ALGORITHM     3

#endif
