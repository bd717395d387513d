// What a module's library shows to others; everything else in it is hidden.
#pragma once

#if defined(__GNUC__)
#define MULTIPROCESSING_API __attribute__((visibility("default")))
#else
#define MULTIPROCESSING_API
#endif
