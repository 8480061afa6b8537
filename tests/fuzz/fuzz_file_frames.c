/* What a peer says about files: every kind of frame, read, and written again as it was. */
#include "app/file_frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void open_frame(const uint8_t *data, size_t size)
{
    uint8_t again[ADIT_FILE_OPEN_MAX];
    struct adit_file_open o;
    const char *why = NULL;

    if (adit_file_open_decode(&o, data, size, &why) < 0) {
        assert(why);
        return;
    }
    size_t n = adit_file_open_encode(again, &o);
    assert(n <= size && memcmp(again, data, n) == 0); /* a batch may have more behind it */
    assert(o.mode <= 0777 && o.size <= INT64_MAX && o.mtime_ns < 1000000000);
    if (o.what == ADIT_FILE_BATCH || adit_file_name_fault(o.name, o.name_n))
        return;
    /* A good name is a string that stays below, whatever a file system makes of it. */
    assert(!memchr(o.name, 0, o.name_n) && o.name[0] != '/' && o.name[o.name_n - 1] != '/');
    for (size_t i = 0; i + 1 < o.name_n; i++)
        assert(memcmp(o.name + i, "//", 2) != 0);
    for (size_t i = 0; i < o.name_n; i++) {
        bool begins = i == 0 || o.name[i - 1] == '/';
        size_t left = o.name_n - i;

        assert(!begins || left < 2 || memcmp(o.name + i, "..", 2) != 0 ||
               (left > 2 && o.name[i + 2] != '/'));
    }
}

static void head_frame(const uint8_t *data, size_t size)
{
    uint8_t again[ADIT_FILE_OFFERS_MAX * ADIT_FILE_OFFER_SIZE];
    struct adit_file_offer offers[ADIT_FILE_OFFERS_MAX];
    int count = adit_file_head_decode(offers, 1000, data, size);

    if (count < 0)
        return;
    size_t n = adit_file_head_encode(again, offers, (size_t)count);
    assert(n == size && (n == 0 || memcmp(again, data, n) == 0));
    for (int i = 0; i < count; i++)
        assert(offers[i].have > 0 && offers[i].have <= 1000 &&
               (i == 0 || offers[i].have >= offers[i - 1].have));
}

static void end_frames(const uint8_t *data, size_t size)
{
    uint8_t again[ADIT_FILE_RESULT_MAX];
    enum adit_file_result result;
    struct adit_span name;
    uint32_t done, failed;

    if (adit_file_result_decode(&result, &name, data, size) == 0) {
        size_t n = adit_file_result_encode(again, result, (const char *)name.data, name.len);

        assert(n == size && memcmp(again, data, n) == 0);
    }
    if (adit_file_tally_decode(&done, &failed, data, size) == 0) {
        adit_file_tally_encode(again, done, failed);
        assert(memcmp(again, data, size) == 0);
    }
    if (size == ADIT_FILE_START_SIZE) {
        adit_file_start_encode(again, adit_file_start_decode(data));
        assert(memcmp(again, data, size) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    open_frame(data, size);
    head_frame(data, size);
    end_frames(data, size);
    return 0;
}
