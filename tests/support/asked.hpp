// How much of something a test does.
#pragma once

namespace test_support {

/// `count`, or a tenth of it, rounded up, where everything is slow: under a sanitizer or valgrind.
[[nodiscard]] int fewer(int count);

/// What the environment variable `name` says, in the long runs; else `fewer(otherwise)`.
[[nodiscard]] int asked(const char* name, int otherwise);

}  // namespace test_support
