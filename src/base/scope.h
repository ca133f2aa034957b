// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Things that end with their scope. Define and assign in one statement; TAKE moves a value out. */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static inline void scope_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void scope_free(void *thing)
{
    free(*(void **)thing);
}

static inline void scope_unlock(pthread_mutex_t **mutex)
{
    if (*mutex)
        pthread_mutex_unlock(*mutex);
}

static inline pthread_mutex_t *scope_lock(pthread_mutex_t *mutex)
{
    pthread_mutex_lock(mutex);
    return mutex;
}

#define AUTO_FD __attribute__((cleanup(scope_close))) int
#define AUTO_FREE __attribute__((cleanup(scope_free)))
#define SCOPE_JOIN_(a, b) a##b
#define SCOPE_JOIN(a, b) SCOPE_JOIN_(a, b)
/* Holds the mutex to the end of the scope. */
#define GUARD(mutex)                                                                               \
    __attribute__((cleanup(scope_unlock), unused)) pthread_mutex_t *SCOPE_JOIN(guard_, __LINE__) = \
        scope_lock(mutex)
/* The value of a pointer variable, which becomes NULL. */
#define TAKE(pointer)                                                                              \
    __extension__({                                                                                \
        __typeof__(pointer) taken_ = (pointer);                                                    \
        (pointer) = NULL;                                                                          \
        taken_;                                                                                    \
    })
/* The same for a file descriptor, which becomes -1. */
#define TAKE_FD(fd)                                                                                \
    __extension__({                                                                                \
        int taken_ = (fd);                                                                         \
        (fd) = -1;                                                                                 \
        taken_;                                                                                    \
    })
