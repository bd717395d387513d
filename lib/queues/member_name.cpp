#include "queues/member_name.hpp"

#include <string.h>
#include <unistd.h>

#include <algorithm>

#include "multiprocessing/process/process_handle.hpp"

namespace multiprocessing::detail {

std::string MemberName::describe() const {
  return "'" + std::string{name, strnlen(name, longest)} + "' (process " + std::to_string(pid()) +
         ')';
}

void MemberName::set_to_this_process() {
  const std::uint64_t me = self().packed();
  const std::string own = current_process().name();
  process_id.store(getpid());
  const std::size_t size = std::min(own.size(), longest);
  own.copy(name, size);
  name[size] = '\0';
  packed_member.store(me);  // the commit
}

}  // namespace multiprocessing::detail
