#include "tun/trouble.h"

#include <stdio.h>

static const char * or (const char *text, const char *otherwise)
{
    return text && *text ? text : otherwise;
}

/* EACCES of an address is not about rights: IPv6 is off on the device. */
static bool is_permission(const struct adit_trouble_facts *f)
{
    return f->err == -EPERM || (f->err == -EACCES && f->at != ADIT_TROUBLE_ADDRESS);
}

static bool no_driver(const struct adit_trouble_facts *f)
{
    return f->at == ADIT_TROUBLE_OPEN &&
           (f->err == -ENOENT || f->err == -ENODEV || f->err == -ENXIO);
}

static void say_permission(char *out, size_t size, const struct adit_trouble_facts *f)
{
    const char *device = f->device, *what = or (f->what, "ADDRESS/LENGTH");

    int n = snprintf(out, size,
                     "Give the program the right, once:\n"
                     "    sudo setcap cap_net_admin+ep %s\n",
                     or (f->program, "/path/to/adit"));
    if (n < 0 || (size_t)n >= size)
        return;
    out += n;
    size -= (size_t)n;
    switch (f->at) {
    case ADIT_TROUBLE_OPEN:
    case ADIT_TROUBLE_CREATE:
        snprintf(out, size,
                 "or make the device for this user beforehand, and give it its addresses:\n"
                 "    sudo ip tuntap add dev %s mode %s user %s\n"
                 "    sudo ip address add %s dev %s && sudo ip link set %s up",
                 device, f->tap ? "tap" : "tun", or (f->user, "$USER"), what, device, device);
        break;
    case ADIT_TROUBLE_LINK:
        snprintf(out, size, "or set it up beforehand:\n    sudo ip link set %s up%s%s", device,
                 f->what ? " mtu " : "", or (f->what, ""));
        break;
    case ADIT_TROUBLE_ADDRESS:
        snprintf(out, size,
                 "or give the device its address beforehand:\n"
                 "    sudo ip address add %s dev %s",
                 what, device);
        break;
    case ADIT_TROUBLE_ROUTE:
        snprintf(out, size, "or add the route beforehand:\n    sudo ip route add %s dev %s", what,
                 device);
        break;
    }
}

static void say_create(char *out, size_t size, const struct adit_trouble_facts *f)
{
    if (f->err == -EBUSY)
        snprintf(out, size, "It is in use by %s. End that, or choose another name with --ifname.",
                 or (f->who, "another program"));
    else if (f->err == -EINVAL)
        snprintf(out, size,
                 "There is a device of that name which is no %s device. Choose another name with "
                 "--ifname.",
                 f->tap ? "TAP" : "TUN");
    else if (f->err == -EOPNOTSUPP)
        snprintf(out, size, "This kernel gives and takes no joined packets: use --offload auto.");
}

static void say_address(char *out, size_t size, const struct adit_trouble_facts *f)
{
    if (f->err == -EEXIST)
        snprintf(out, size, "It belongs to %s already. Choose another with --address.",
                 or (f->who, "another interface"));
    else if (f->err == -EACCES || f->err == -EAFNOSUPPORT || f->err == -EOPNOTSUPP)
        snprintf(out, size,
                 "IPv6 is switched off here: use an IPv4 address, or\n"
                 "    sudo sysctl net.ipv6.conf.all.disable_ipv6=0 "
                 "net.ipv6.conf.default.disable_ipv6=0");
    else if (f->err == -ERANGE)
        snprintf(out, size,
                 "IPv6 needs an MTU of at least 1280 (RFC 8200): set --mtu 1280 or "
                 "more.");
}

static void say_route(char *out, size_t size, const struct adit_trouble_facts *f)
{
    if (f->err == -EEXIST)
        snprintf(out, size,
                 "There is one already, through %s. Remove it, or choose a smaller "
                 "block with --route.",
                 or (f->who, "another device"));
    else if (f->err == -ENETUNREACH || f->err == -EINVAL)
        snprintf(out, size, "Give the device an address of the same family with --address.");
}

static void say_help(char *out, size_t size, const struct adit_trouble_facts *f)
{
    out[0] = '\0';
    if (is_permission(f)) {
        say_permission(out, size, f);
        return;
    }
    switch (f->at) {
    case ADIT_TROUBLE_OPEN:
        if (no_driver(f))
            snprintf(out, size,
                     "The kernel's TUN driver is not there. Load it, or in a container pass the "
                     "device in (--device /dev/net/tun):\n"
                     "    sudo modprobe tun");
        break;
    case ADIT_TROUBLE_CREATE:
        say_create(out, size, f);
        break;
    case ADIT_TROUBLE_LINK:
        if (f->err == -EINVAL || f->err == -ERANGE)
            snprintf(out, size, "The MTU is out of range: choose another with --mtu.");
        break;
    case ADIT_TROUBLE_ADDRESS:
        say_address(out, size, f);
        break;
    case ADIT_TROUBLE_ROUTE:
        say_route(out, size, f);
        break;
    }
}

void adit_trouble_set(struct adit_trouble *t, const struct adit_trouble_facts *f)
{
    static const char *const what[] = {
        [ADIT_TROUBLE_OPEN] = "cannot open /dev/net/tun for the device",
        [ADIT_TROUBLE_CREATE] = "cannot create the device",
        [ADIT_TROUBLE_LINK] = "cannot set up the device",
        [ADIT_TROUBLE_ADDRESS] = "cannot give an address to the device",
        [ADIT_TROUBLE_ROUTE] = "cannot route to the device",
    };
    bool named = f->at == ADIT_TROUBLE_ADDRESS || f->at == ADIT_TROUBLE_ROUTE;

    t->err = f->err;
    t->permission = is_permission(f) || no_driver(f);
    snprintf(t->text, sizeof t->text, "%s %s%s%s: %s%s%s", what[f->at], f->device,
             named ? ", " : "", named ? or (f->what, "") : "", strerror(-f->err),
             f->kernel && *f->kernel ? ": " : "", or (f->kernel, ""));
    say_help(t->help, sizeof t->help, f);
}
