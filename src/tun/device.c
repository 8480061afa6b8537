#include "tun/device.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"

#define READ_SIZE   (ADIT_DEVICE_PACKET_MAX + 1 + 64)
#define BUFFER_SIZE (ADIT_DEVICE_HEADROOM + READ_SIZE)
#define READS_MAX   32 /* in one turn of the loop */

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

/* ---- the device ------------------------------------------------------------------------------ */

static void on_ready(struct adit_io *io, uint32_t events, adit_time now)
{
    struct adit_device *d = adit_container_of(io, struct adit_device, io);
    const uint8_t *open = d->buffer; /* a callback may close it, and even open it again */

    (void)events;
    for (int i = 0; i < READS_MAX && d->buffer == open; i++) {
        uint8_t *packet = d->buffer + ADIT_DEVICE_HEADROOM;
        ssize_t n = read(io->fd, packet, READ_SIZE);

        if (n <= 0) {
            if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOMEM))
                return;
            adit_io_want(io, 0); /* EBADFD or EIO: removed under our hands */
            d->ops->gone(d->arg, now);
            return;
        }
        d->stats.read_packets++;
        d->stats.read_bytes += (uint64_t)n;
        d->ops->packet(d->arg, packet, (size_t)n, now);
    }
}

int adit_device_open(struct adit_device *device, struct adit_loop *loop,
                     const struct adit_device_conf *conf, const struct adit_device_ops *ops,
                     void *arg, struct adit_trouble *ret_trouble)
{
    struct ifreq ifr = { .ifr_flags = (short)((conf->tap ? IFF_TAP : IFF_TUN) | IFF_NO_PI) };
    const char *name = conf->name && *conf->name ? conf->name : "adit%d";

    *device = (struct adit_device){ .ops = ops, .arg = arg, .tap = conf->tap };
    if (adit_str_copy(ifr.ifr_name, sizeof ifr.ifr_name, name, strlen(name)) < 0)
        return fail(ret_trouble, ADIT_TROUBLE_CREATE, -ENAMETOOLONG, name, conf->tap);
    uint32_t before = if_nametoindex(ifr.ifr_name);
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return fail(ret_trouble, ADIT_TROUBLE_OPEN, -errno, name, conf->tap);
    int err = ioctl(fd, TUNSETIFF, &ifr) < 0 ? -errno : 0;
    device->index = if_nametoindex(ifr.ifr_name);
    if (!err && !device->index)
        err = -ENODEV;
    if (!err && !(device->buffer = adit_malloc(BUFFER_SIZE)))
        err = -ENOMEM;
    if (!err)
        err = adit_io_start(&device->io, loop, fd, EPOLLIN, on_ready, "device");
    if (err) {
        adit_free(device->buffer);
        device->buffer = NULL;
        close(fd);
        return fail(ret_trouble, ADIT_TROUBLE_CREATE, err, name, conf->tap);
    }
    memcpy(device->name, ifr.ifr_name, sizeof device->name);
    device->found = before == device->index;
    return 0;
}

void adit_device_close(struct adit_device *device)
{
    int fd = device->io.fd;

    if (!adit_device_is_open(device))
        return;
    adit_io_stop(&device->io);
    close(fd); /* ours: the kernel removes it, with its addresses and routes */
    adit_free(device->buffer);
    device->buffer = NULL;
}

int adit_device_write(struct adit_device *device, const void *bytes, size_t n)
{
    ssize_t done = adit_device_is_open(device) ? write(device->io.fd, bytes, n) : -1;

    if (done < 0) {
        device->stats.write_dropped++;
        return -EAGAIN;
    }
    device->stats.written_packets++;
    device->stats.written_bytes += n;
    return 0;
}
