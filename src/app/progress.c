#include "app/progress.h"

#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"

#define BAR_EVERY    (200 * ADIT_MS)
#define LINE_EVERY   (10 * ADIT_SEC)
#define SAMPLE_EVERY (500 * ADIT_MS)
#define BAR_COLUMNS  20
#define COLUMNS      80 /* of a terminal that does not say */

void adit_progress_init(struct adit_progress *p, int fd)
{
    *p = (struct adit_progress){ .fd = fd >= 0 && isatty(fd) ? fd : -1,
                                 .quiet = fd < 0,
                                 .begun = ADIT_NEVER };
}

void adit_progress_total(struct adit_progress *p, uint32_t files, uint64_t bytes)
{
    p->files_total = files;
    p->bytes_total = bytes;
}

void adit_progress_moved(struct adit_progress *p, uint64_t n, adit_time now)
{
    if (p->begun == ADIT_NEVER)
        p->begun = p->sample_at = p->shown_at = now;
    p->bytes += n;
    p->moved += n;
}

void adit_progress_there(struct adit_progress *p, uint64_t n)
{
    p->bytes += n;
}

void adit_progress_again(struct adit_progress *p, uint64_t n)
{
    p->bytes -= n < p->bytes ? n : p->bytes;
}

/* ---- words ----------------------------------------------------------------------------------- */

char *adit_progress_size(char out[16], uint64_t bytes)
{
    static const char units[] = "kMGTPE";
    uint64_t unit = 1000;
    size_t i = 0;

    if (bytes < 1000) {
        snprintf(out, 16, "%u B", (unsigned)bytes);
        return out;
    }
    while (i + 1 < sizeof units - 1 && bytes / unit >= 1000) {
        unit *= 1000;
        i++;
    }
    if (bytes / unit < 100)
        snprintf(out, 16, "%u.%u %cB", (unsigned)(bytes / unit),
                 (unsigned)(bytes % unit / (unit / 10)), units[i]);
    else
        snprintf(out, 16, "%u %cB", (unsigned)(bytes / unit), units[i]);
    return out;
}

char *adit_progress_time(char out[16], uint64_t seconds)
{
    unsigned long long s = seconds;

    if (s >= 360000)
        snprintf(out, 16, "%llu days", s / 86400 < 100000 ? s / 86400 : 99999);
    else if (s >= 3600)
        snprintf(out, 16, "%llu:%02llu:%02llu", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(out, 16, "%llu:%02llu", s / 60, s % 60);
    return out;
}

void adit_progress_sum(const struct adit_progress *p, char out[64], adit_time now)
{
    char size[16], rate[16], time[16];
    adit_time took = p->begun == ADIT_NEVER || now < p->begun ? 0 : now - p->begun;
    uint64_t ms = took / ADIT_MS;

    adit_progress_size(size, p->moved);
    adit_progress_time(time, (took + ADIT_SEC / 2) / ADIT_SEC);
    if (ms == 0)
        snprintf(out, 64, "%s", size);
    else
        snprintf(out, 64, "%s in %s, %s/s", size, time,
                 adit_progress_size(rate, p->moved * 1000 / ms));
}

/* How many columns a character takes, as most terminals do it. */
static unsigned width_of(uint32_t c)
{
    bool wide = (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) ||
                (c >= 0xac00 && c <= 0xd7a3) || (c >= 0xf900 && c <= 0xfaff) ||
                (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
                (c >= 0x1f300 && c <= 0x1faff) || (c >= 0x20000 && c <= 0x3fffd);

    return wide ? 2 : 1;
}

/* The character at s, which is valid UTF-8; moves on. */
static uint32_t next_char(const char **s)
{
    const uint8_t *p = (const uint8_t *)*s;
    unsigned more = p[0] < 0x80 ? 0 : p[0] < 0xe0 ? 1 : p[0] < 0xf0 ? 2 : 3;
    uint32_t c = more ? p[0] & (0x3f >> more) : p[0];

    for (unsigned i = 1; i <= more; i++)
        c = c << 6 | (p[i] & 0x3f);
    *s += 1 + more;
    return c;
}

/* The end of a name says more than its beginning: what does not fit is cut off in front. */
static const char *tail(const char *text, unsigned columns, bool *ret_cut)
{
    unsigned width = 0;

    for (const char *s = text; *s;)
        width += width_of(next_char(&s));
    *ret_cut = width > columns;
    while (width + *ret_cut > columns && *text)
        width -= width_of(next_char(&text));
    return text;
}

static unsigned percent(const struct adit_progress *p)
{
    if (p->bytes_total == 0 || p->bytes >= p->bytes_total)
        return 100;
    return (unsigned)((p->bytes >> 10) * 100 / ((p->bytes_total >> 10) + 1));
}

static const char *time_left(const struct adit_progress *p, char out[16])
{
    if (p->rate == 0 || p->bytes_total <= p->bytes)
        return p->bytes_total && p->bytes_total <= p->bytes ? "0:00" : "--:--";
    return adit_progress_time(out, (p->bytes_total - p->bytes + p->rate - 1) / p->rate);
}

void adit_progress_line(const struct adit_progress *p, char out[ADIT_PROGRESS_LINE_MAX],
                        unsigned columns, const char *name)
{
    char size[16], rate[16], left[16], shown[ADIT_PROGRESS_LINE_MAX / 2];
    unsigned done = percent(p) * BAR_COLUMNS / 100;
    int n;

    adit_progress_size(size, p->bytes);
    adit_progress_size(rate, p->rate);
    if (p->files_total || p->bytes_total)
        n = snprintf(out, ADIT_PROGRESS_LINE_MAX, "%3u%% [%.*s%*s] %8s %8s/s %7s", percent(p),
                     (int)done, "####################", (int)(BAR_COLUMNS - done), "", size, rate,
                     time_left(p, left));
    else
        n = snprintf(out, ADIT_PROGRESS_LINE_MAX, "%8s %8s/s", size, rate);
    if ((unsigned)n > columns) {
        out[columns] = '\0';
        return;
    }
    if (name && (unsigned)n + 6 <= columns) {
        bool cut;
        const char *end = tail(adit_str_printable(shown, sizeof shown, name, strlen(name)),
                               columns - (unsigned)n - 2, &cut);

        snprintf(out + n, ADIT_PROGRESS_LINE_MAX - (size_t)n, "  %s%s", cut ? "<" : "", end);
    }
}

/* ---- where it is shown ----------------------------------------------------------------------- */

static void sample(struct adit_progress *p, adit_time now)
{
    adit_time passed = now - p->sample_at;

    if (passed < SAMPLE_EVERY)
        return;
    uint64_t lately = (p->moved - p->sample_moved) * 1000 / (passed / ADIT_MS);
    p->rate = p->rate ? (p->rate * 7 + lately * 3) / 10 : lately;
    p->sample_moved = p->moved;
    p->sample_at = now;
}

/* A terminal that is stopped must not stop the transfer: what it does not take is not shown. */
static void put(struct adit_progress *p, const char *text, size_t n)
{
    struct pollfd poll_fd = { .fd = p->fd, .events = POLLOUT };

    if (poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & POLLOUT) && write(p->fd, text, n) < 0)
        p->fd = -1; /* it is gone */
}

static unsigned columns_of(int fd)
{
    struct winsize size;

    if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_col < 20)
        return COLUMNS;
    return size.ws_col < 200 ? size.ws_col : 200;
}

static void show_bar(struct adit_progress *p, const char *name)
{
    char line[ADIT_PROGRESS_LINE_MAX], text[ADIT_PROGRESS_LINE_MAX + 8];

    adit_progress_line(p, line, columns_of(p->fd) - 1, name);
    put(p, text, (size_t)snprintf(text, sizeof text, "\r%s\033[K", line));
    p->stands = true;
}

static void say_line(const struct adit_progress *p)
{
    char size[16], total[16], rate[16], left[16];

    adit_progress_size(size, p->bytes);
    adit_progress_size(rate, p->rate);
    if (p->bytes_total)
        adit_log(ADIT_LOG_INFO, "files", "%u%%, %s of %s, %s/s, %s left", percent(p), size,
                 adit_progress_size(total, p->bytes_total), rate, time_left(p, left));
    else
        adit_log(ADIT_LOG_INFO, "files", "%s, %s/s", size, rate);
}

void adit_progress_show(struct adit_progress *p, const char *name, adit_time now)
{
    if (p->quiet || p->begun == ADIT_NEVER)
        return;
    sample(p, now);
    if (now < adit_progress_deadline(p))
        return;
    p->shown_at = now;
    if (p->fd >= 0)
        show_bar(p, name);
    else
        say_line(p);
}

adit_time adit_progress_deadline(const struct adit_progress *p)
{
    if (p->quiet || p->begun == ADIT_NEVER)
        return ADIT_NEVER;
    return p->shown_at + (p->fd >= 0 ? BAR_EVERY : LINE_EVERY);
}

void adit_progress_clear(struct adit_progress *p)
{
    if (!p->stands)
        return;
    p->stands = false;
    put(p, "\r\033[K", 4);
}
