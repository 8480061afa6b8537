#include "tun/offers.h"

#include <fcntl.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tun/vnet.h"

void adit_device_offers(struct adit_device_offers *ret)
{
    unsigned tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6, features = 0;
    struct ifreq ifr = { .ifr_name = "aditprobe%d" };
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

    *ret = (struct adit_device_offers){ .open_err = fd < 0 ? -errno : 0 };
    if (fd < 0)
        return;
    ret->vnet_hdr = ioctl(fd, TUNGETFEATURES, &features) == 0 && features & IFF_VNET_HDR;
    ifr.ifr_flags = (short)(IFF_TUN | IFF_NO_PI | (ret->vnet_hdr ? IFF_VNET_HDR : 0));
    if (ioctl(fd, TUNSETIFF, &ifr) < 0) {
        ret->create_err = -errno;
    } else if (ret->vnet_hdr) {
        ret->tso = ioctl(fd, TUNSETOFFLOAD, tcp) == 0;
        ret->uso = ioctl(fd, TUNSETOFFLOAD, tcp | TUN_F_USO4 | TUN_F_USO6) == 0;
    }
    close(fd);
}
