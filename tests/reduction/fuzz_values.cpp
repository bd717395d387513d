// libFuzzer: any bytes are a value or a SerializationError.
#include <cstdint>

#include "reduction/hostile_types.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace reduction_test;
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  static_cast<void>(reads<Everything>(bytes));
  static_cast<void>(reads<std::exception_ptr>(bytes));
  static_cast<void>(reads<std::vector<Tree>>(bytes));
  static_cast<void>(reads<void (Leaf::*)()>(bytes));
  return 0;
}
