#include "multiprocessing/detail/codec/buffer.hpp"

#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {

void throw_overrun(std::uint64_t asked, std::size_t left) {
  throw SerializationError("the message ends too early: " + std::to_string(asked) +
                           " bytes were to be read where " + std::to_string(left) + " are left");
}

void throw_bad_count(std::uint64_t count, std::size_t left) {
  throw SerializationError("the message cannot hold " + std::to_string(count) +
                           " elements in the " + std::to_string(left) + " bytes that are left");
}

void throw_too_deep() {
  throw SerializationError("values lie within values more than " + std::to_string(max_nesting) +
                           " deep; send long chains as a container");
}

void throw_not_written(const char* why) {
  throw SerializationError(std::string{"cannot send "} + why);
}

void throw_malformed(const char* what, std::uint64_t value) {
  throw SerializationError("the message is malformed: " + std::string{what} + " cannot be " +
                           std::to_string(value));
}

}  // namespace multiprocessing::detail
