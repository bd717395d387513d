// One of two plug-ins that each have a type of the same name, with other members.
#include <cstdint>

#include "multiprocessing/detail/message_type.hpp"

struct TwinOfPlugin {
#ifdef SECOND
  double price;
  long count;
#else
  long count;
  double price;
#endif
};

extern "C" [[gnu::visibility("default")]] std::uint32_t fingerprint_of_plugin() {
  return multiprocessing::detail::fingerprint<TwinOfPlugin>();
}
extern "C" [[gnu::visibility("default")]] std::uint32_t message_type_of_plugin() {
  return multiprocessing::detail::message_type<TwinOfPlugin>.fingerprint();
}
