#include "support/asked.hpp"

#include <cstdlib>

#include "support/watchdog.hpp"

namespace test_support {

int fewer(int count) { return patience() < 10 ? count : (count + 9) / 10; }

int asked(const char* name, int otherwise) {
  if (const char* text = std::getenv(name)) return std::atoi(text);
  return fewer(otherwise);
}

}  // namespace test_support
