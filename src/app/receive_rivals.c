/* receive_rivals - what is here already: is it the file that comes, or its beginning? */
#include <unistd.h>

#include "app/receive_inner.h"

void adit_receive_find_rivals(struct adit_receive_item *it)
{
    unsigned numbers[ADIT_FILE_OFFERS_MAX];
    size_t n = adit_file_place_find(it->dir, it->leaf, it->size, numbers,
                                    ADIT_FILE_OFFERS_MAX - it->rival_count);

    if (it->r->conf.overwrite) /* it is to be under its own name */
        n = n && numbers[0] == 0;
    for (size_t i = 0; i < n; i++)
        it->rivals[it->rival_count++] =
            (struct adit_rival){ .number = numbers[i], .offer.have = it->size };
    it->rival_at = 0;
    it->read_at = 0;
    adit_sha256_start(&it->read_sha);
}

static void rival_read(struct adit_receive_item *it, bool good)
{
    struct adit_rival *rival = &it->rivals[it->rival_at];
    bool is_part = it->part_is_rival && it->rival_at == 0;

    adit_sha256_get(&it->read_sha, rival->offer.digest);
    if (!good) /* nothing has such a digest */
        memset(rival->offer.digest, 0, sizeof rival->offer.digest);
    if (is_part)
        it->part_sha = it->read_sha;
    if (it->reading >= 0)
        close(it->reading);
    it->reading = -1;
    it->rival_at++;
    it->read_at = 0;
    adit_sha256_start(&it->read_sha);
}

/* Up to n bytes of the rival that is to be read go into its digest. Their number; 0: there are no
 * more; or -errno. */
static ssize_t read_piece(struct adit_receive_item *it, size_t n)
{
    bool is_part = it->part_is_rival && it->rival_at == 0;
    ssize_t got;

    if (!is_part && it->reading < 0)
        it->reading = adit_file_place_open(it->dir, it->leaf, it->rivals[it->rival_at].number);
    if (!is_part && it->reading < 0)
        return it->reading;
    do
        got = pread(is_part ? it->fd : it->reading, it->r->piece, n, (off_t)it->read_at);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return -errno;
    adit_sha256_more(&it->read_sha, it->r->piece, (size_t)got);
    it->read_at += (uint64_t)got;
    return got;
}

bool adit_receive_read_rivals(struct adit_receive_item *it)
{
    size_t turn = ADIT_RECEIVE_TURN;

    while (it->rival_at < it->rival_count && turn) {
        uint64_t have = it->rivals[it->rival_at].offer.have, left = have - it->read_at;
        size_t most = left < ADIT_RECEIVE_PIECE ? (size_t)left : ADIT_RECEIVE_PIECE;
        ssize_t n = most ? read_piece(it, most) : 0;

        if (n <= 0 || it->read_at == have)
            rival_read(it, it->read_at == have);
        turn -= n > 0 && (size_t)n < turn ? (size_t)n : turn;
    }
    return it->rival_at < it->rival_count;
}
