#include "app/serial.h"

#include <fcntl.h>
#include <sys/file.h>
#include <termios.h>
#include <unistd.h>

static const struct {
    uint32_t baud;
    speed_t speed;
} speeds[] = {
    { 300, B300 },         { 600, B600 },         { 1200, B1200 },       { 2400, B2400 },
    { 4800, B4800 },       { 9600, B9600 },       { 19200, B19200 },     { 38400, B38400 },
    { 57600, B57600 },     { 115200, B115200 },   { 230400, B230400 },   { 460800, B460800 },
    { 500000, B500000 },   { 576000, B576000 },   { 921600, B921600 },   { 1000000, B1000000 },
    { 1152000, B1152000 }, { 1500000, B1500000 }, { 2000000, B2000000 }, { 2500000, B2500000 },
    { 3000000, B3000000 }, { 3500000, B3500000 }, { 4000000, B4000000 },
};

static int set_speed(struct termios *t, uint32_t baud)
{
    for (size_t i = 0; i < ADIT_LEN(speeds); i++)
        if (speeds[i].baud == baud)
            return cfsetspeed(t, speeds[i].speed) < 0 ? -errno : 0;
    return -EINVAL;
}

static int set_raw(int fd, uint32_t baud)
{
    struct termios t;

    if (tcgetattr(fd, &t) < 0)
        return -errno;
    cfmakeraw(&t);
    t.c_cflag |= CLOCAL | CREAD;
    t.c_cflag &= ~(tcflag_t)CSTOPB;
    int err = baud ? set_speed(&t, baud) : 0;
    if (!err && tcsetattr(fd, TCSANOW, &t) < 0)
        err = -errno;
    return err;
}

int adit_serial_open(const char *path, uint32_t baud)
{
    int fd = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    /* As other programs do it; TIOCEXCL would keep our own second opening out (outbox.h). */
    int err = flock(fd, LOCK_EX | LOCK_NB) < 0 ? (errno == EWOULDBLOCK ? -EBUSY : -errno) : 0;
    if (!err)
        err = set_raw(fd, baud);
    if (err)
        close(fd);
    return err ? err : fd;
}
