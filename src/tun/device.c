#include "tun/device.h"

#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "tun/cut.h"
#include "tun/join.h"
#include "tun/vnet.h"

#define READ_SIZE (ADIT_DEVICE_PACKET_MAX + 1 + 64)
#define HEAD_ROOM 16           /* for ADIT_VNET_LEN in front of a packet, which stays aligned */
#define SMALL     256          /* bytes that are copied faster than the kernel takes two pieces */
#define READS_MAX 32           /* in one turn of the loop */
#define BYTES_MAX (256 * 1024) /* and so many bytes, about */

/* ---- who and why ----------------------------------------------------------------------------- */

void adit_device_who_we_are(struct adit_trouble_facts *facts)
{
    static char program[256];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);

    program[n > 0 ? n : 0] = '\0';
    facts->program = program;
    facts->user = getenv("USER");
}

static bool file_says(const char *path, const char *line)
{
    char text[1024];
    FILE *f = fopen(path, "re");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;

    text[n] = '\0';
    if (f)
        fclose(f);
    return strstr(text, line) != NULL;
}

/* The kernel tells of each descriptor of /dev/net/tun its interface. */
static bool process_has(const char *pid, const char *device)
{
    char path[300], line[ADIT_IFNAME_MAX + 8];
    struct dirent *e;
    bool found = false;

    snprintf(path, sizeof path, "/proc/%.16s/fdinfo", pid);
    snprintf(line, sizeof line, "iff:\t%s\n", device);
    DIR *dir = opendir(path);
    while (dir && !found && (e = readdir(dir))) {
        snprintf(path, sizeof path, "/proc/%.16s/fdinfo/%.16s", pid, e->d_name);
        found = file_says(path, line);
    }
    if (dir)
        closedir(dir);
    return found;
}

/* "'adit' (process 123)"; "" if it is none that we may look at. */
static void find_holder(char *out, size_t size, const char *device)
{
    DIR *dir = opendir("/proc");
    struct dirent *e;

    out[0] = '\0';
    while (dir && (e = readdir(dir))) {
        char path[64], name[32] = "", clean[32];

        if (strspn(e->d_name, "0123456789") != strlen(e->d_name) || !process_has(e->d_name, device))
            continue;
        snprintf(path, sizeof path, "/proc/%.16s/comm", e->d_name);
        FILE *f = fopen(path, "re");
        if (f && fgets(name, sizeof name, f))
            name[strcspn(name, "\n")] = '\0';
        if (f)
            fclose(f);
        adit_str_printable(clean, sizeof clean, name, strlen(name));
        snprintf(out, size, "'%s' (process %.16s)", clean, e->d_name);
        break;
    }
    if (dir)
        closedir(dir);
}

static int fail(struct adit_trouble *t, enum adit_trouble_at at, int err, const char *name,
                bool tap)
{
    char who[64] = "";
    struct adit_trouble_facts facts = { .at = at, .err = err, .device = name, .tap = tap };

    if (err == -EBUSY)
        find_holder(who, sizeof who, name);
    facts.who = who;
    adit_device_who_we_are(&facts);
    adit_trouble_set(t, &facts);
    return err;
}

/* ---- packets --------------------------------------------------------------------------------- */

/* The packets of one read. */
static void tell(struct adit_device *d, const struct virtio_net_hdr *h, uint8_t *bytes, size_t n,
                 adit_time now)
{
    const uint8_t *open = d->buffer; /* a callback may close it */
    struct adit_cut cut;
    uint8_t *packet;

    if (adit_cut_begin(&cut, h, d->tap, bytes, n) < 0) {
        d->stats.read_malformed++;
        return;
    }
    while (d->buffer == open && (packet = adit_cut_next(&cut, &n))) {
        d->stats.read_packets++;
        d->stats.read_bytes += n;
        d->ops->packet(d->arg, packet, n, now);
    }
}

/* At most so many reads; false: the kernel has no more, or the device is gone. */
static bool read_in(struct adit_device *d, int most, adit_time now)
{
    uint8_t *open = d->buffer, *packet = open + HEAD_ROOM;
    size_t total = 0, head = d->join ? ADIT_VNET_LEN : 0;
    struct adit_io *io = &d->io;

    for (int i = 0; i < most && total < BYTES_MAX && d->buffer == open; i++) {
        struct virtio_net_hdr h = { 0 };
        ssize_t n = read(io->fd, packet - head, head + READ_SIZE);

        if (n <= 0) {
            if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOMEM))
                return false;
            adit_io_want(io, 0); /* EBADFD or EIO: removed under our hands */
            d->ops->gone(d->arg, now);
            return false;
        }
        d->stats.reads++;
        total += (size_t)n;
        memcpy(&h, packet - head, head);
        if ((size_t)n > head)
            tell(d, &h, packet, (size_t)n - head, now);
    }
    return d->buffer == open;
}

static void on_ready(struct adit_io *io, uint32_t events, adit_time now)
{
    struct adit_device *d = adit_container_of(io, struct adit_device, io);
    bool alone = adit_loop_rested(io->loop);

    (void)events;
    d->answers = d->wrote && !alone;
    d->wrote = false;
    read_in(d, alone ? 1 : READS_MAX, now);
}

static ssize_t write_headed(int fd, const struct virtio_net_hdr *h, const uint8_t *bytes, size_t n)
{
    struct iovec v[2] = { { (void *)h, sizeof *h }, { (void *)bytes, n } };
    uint8_t both[sizeof *h + SMALL];

    if (n > SMALL)
        return writev(fd, v, 2);
    memcpy(both, h, sizeof *h);
    memcpy(both + sizeof *h, bytes, n);
    return write(fd, both, sizeof *h + n);
}

static int write_out(void *arg, const struct virtio_net_hdr *h, const uint8_t *bytes, size_t n,
                     unsigned count)
{
    struct adit_device *d = arg;

    if ((d->join ? write_headed(d->io.fd, h, bytes, n) : write(d->io.fd, bytes, n)) < 0)
        return errno == EINVAL && count > 1 ? -EINVAL : -EAGAIN;
    d->stats.writes++;
    d->stats.written_packets += count;
    d->stats.written_bytes += n;
    return 0;
}

static void write_lost(void *arg, unsigned count, size_t bytes)
{
    struct adit_device *d = arg;

    d->stats.write_dropped += count;
    d->ops->lost(d->arg, count, bytes);
}

static const struct adit_join_ops join_ops = { .write = write_out, .lost = write_lost };

/* The kernel answers much of what it gets before write() returns: a ping, a segment with its ACK.
 * Where it did so the last time, the answer is taken at once, which saves a turn of the loop. */
static void on_flush(struct adit_task *task, adit_time now)
{
    struct adit_device *d = adit_container_of(task, struct adit_device, flush);

    if (d->join)
        adit_join_flush(d->join);
    d->wrote = true;
    if (d->answers)
        d->answers = read_in(d, 1, now);
}

/* ---- the device ------------------------------------------------------------------------------ */

/* Asks for joined packets. -errno: the kernel does not have them. */
static int ask_joined(struct adit_device *d, int fd)
{
    unsigned tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
    int header = (int)ADIT_VNET_LEN;
    bool udp = ioctl(fd, TUNSETOFFLOAD, tcp | TUN_F_USO4 | TUN_F_USO6) == 0;

    if ((!udp && ioctl(fd, TUNSETOFFLOAD, tcp) < 0) || ioctl(fd, TUNSETVNETHDRSZ, &header) < 0)
        return -EOPNOTSUPP;
    d->uso = udp;
    d->join = adit_join_new(d->tap, udp, &join_ops, d);
    return d->join ? 0 : -ENOMEM;
}

/* The kernel removes a device of ours, with its addresses and routes. */
static void release(struct adit_device *d, int fd)
{
    close(fd);
    d->join = adit_join_free(d->join);
    adit_free(d->buffer);
    d->buffer = NULL;
}

/* -errno, and *ret_at is where it failed. */
static int attach(struct adit_device *d, struct ifreq *ifr, bool joined, int *ret_fd,
                  enum adit_trouble_at *ret_at)
{
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    int err = 0;

    *ret_at = fd < 0 ? ADIT_TROUBLE_OPEN : ADIT_TROUBLE_CREATE;
    if (fd < 0)
        return -errno;
    ifr->ifr_flags =
        (short)((d->tap ? IFF_TAP : IFF_TUN) | IFF_NO_PI | (joined ? IFF_VNET_HDR : 0));
    if (ioctl(fd, TUNSETIFF, ifr) < 0)
        err = -errno;
    else if (joined)
        err = ask_joined(d, fd);
    else /* of one that was there before us somebody may have asked for more */
        (void)!ioctl(fd, TUNSETOFFLOAD, 0);
    if (err)
        release(d, fd);
    else
        *ret_fd = fd;
    return err;
}

/* With what was asked of conf->offload, or without. */
static int attach_best(struct adit_device *d, struct ifreq *ifr, enum adit_offload offload,
                       int *ret_fd, enum adit_trouble_at *ret_at)
{
    int err = -EOPNOTSUPP;
    struct ifreq plain = *ifr;

    if (offload != ADIT_OFFLOAD_OFF)
        err = attach(d, ifr, true, ret_fd, ret_at);
    if (!err || offload == ADIT_OFFLOAD_ON || err == -EBUSY || err == -EPERM || err == -ENOMEM)
        return err;
    *ifr = plain;
    return attach(d, ifr, false, ret_fd, ret_at);
}

int adit_device_open(struct adit_device *device, struct adit_loop *loop,
                     const struct adit_device_conf *conf, const struct adit_device_ops *ops,
                     void *arg, struct adit_trouble *ret_trouble)
{
    const char *name = conf->name && *conf->name ? conf->name : "adit%d";
    enum adit_trouble_at at = ADIT_TROUBLE_CREATE;
    struct ifreq ifr = { 0 };
    int fd;

    *device = (struct adit_device){ .ops = ops, .arg = arg, .tap = conf->tap };
    adit_task_init(&device->flush, on_flush);
    if (adit_str_copy(ifr.ifr_name, sizeof ifr.ifr_name, name, strlen(name)) < 0)
        return fail(ret_trouble, ADIT_TROUBLE_CREATE, -ENAMETOOLONG, name, conf->tap);
    uint32_t before = if_nametoindex(ifr.ifr_name);
    int err = attach_best(device, &ifr, conf->offload, &fd, &at);
    if (err)
        return fail(ret_trouble, at, err, name, conf->tap);
    device->index = if_nametoindex(ifr.ifr_name);
    if (!device->index)
        err = -ENODEV;
    if (!err && !(device->buffer = adit_malloc(HEAD_ROOM + READ_SIZE)))
        err = -ENOMEM;
    if (!err)
        err = adit_io_start(&device->io, loop, fd, EPOLLIN, on_ready, "device");
    if (err) {
        release(device, fd);
        return fail(ret_trouble, ADIT_TROUBLE_CREATE, err, name, conf->tap);
    }
    memcpy(device->name, ifr.ifr_name, sizeof device->name);
    device->found = before == device->index;
    return 0;
}

void adit_device_close(struct adit_device *device)
{
    if (!adit_device_is_open(device))
        return;
    adit_io_stop(&device->io);
    adit_task_cancel(&device->flush);
    if (device->found) /* it stays: whoever comes next has not asked for joined packets */
        (void)!ioctl(device->io.fd, TUNSETOFFLOAD, 0);
    release(device, device->io.fd);
}

int adit_device_write(struct adit_device *device, const void *bytes, size_t n)
{
    struct virtio_net_hdr none = { 0 };
    int err = -EAGAIN;

    if (adit_device_is_open(device)) {
        err = device->join ? adit_join_add(device->join, bytes, n)
                           : write_out(device, &none, bytes, n, 1);
        adit_loop_at_last(device->io.loop, &device->flush);
    }
    if (err < 0)
        device->stats.write_dropped++;
    return err;
}
