// How much of something a test does.
#pragma once

namespace test_support {

/// What the environment variable `name` says, in the long runs; else `otherwise`, and less of it
/// where everything is slow.
[[nodiscard]] int asked(const char* name, int otherwise);

}  // namespace test_support
