/* vnet.h - what stands in front of a packet at a device with IFF_VNET_HDR: which checksum is still
 * to be filled in, and of what size the packets are that lie joined behind it. In the byte order
 * of the machine (virtio 1.2 section 5.1.6, its legacy form). */
#ifndef ADIT_VNET_H
#define ADIT_VNET_H

#include <linux/if_tun.h>
#include <linux/virtio_net.h>

/* Linux 6.2; the headers at hand may be older. */
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

#define ADIT_VNET_LEN sizeof(struct virtio_net_hdr)

#endif
