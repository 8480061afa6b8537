/* list.h - a doubly linked list whose links are embedded in the objects.
 *
 * The head is a link that points to itself when empty. Unlinking twice is allowed: adit_list_del
 * leaves the link empty. */
#ifndef ADIT_LIST_H
#define ADIT_LIST_H

#include "base/base.h"

struct adit_link {
    struct adit_link *prev, *next;
};

static inline void adit_list_init(struct adit_link *head)
{
    head->prev = head->next = head;
}

static inline bool adit_list_empty(const struct adit_link *head)
{
    return head->next == head;
}

/* Puts `link` last. */
static inline void adit_list_add(struct adit_link *head, struct adit_link *link)
{
    link->prev = head->prev;
    link->next = head;
    head->prev->next = link;
    head->prev = link;
}

static inline void adit_list_del(struct adit_link *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    adit_list_init(link);
}

/* Walks the list; the current link may be deleted inside. `it` and `tmp` are struct adit_link *. */
#define ADIT_LIST_EACH(head, it, tmp) \
    for ((it) = (head)->next, (tmp) = (it)->next; (it) != (head); (it) = (tmp), (tmp) = (it)->next)

#endif
