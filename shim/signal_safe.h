/*
 * Included last by files whose code runs between clone and filter or in the SIGSYS handler: the compiler then refuses
 * what must not be used there, since another thread of main may have held its lock when the copy was made.
 */
#ifndef XCS_SIGNAL_SAFE_H
#define XCS_SIGNAL_SAFE_H

#undef errno
#pragma GCC poison malloc calloc realloc free strdup printf fprintf snprintf puts errno pthread_mutex_lock

#endif
