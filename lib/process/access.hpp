// ProcessAccess: between the public classes and what they stand for.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/process/context.hpp"
#include "multiprocessing/process/process.hpp"
#include "multiprocessing/process/process_handle.hpp"
#include "process/child.hpp"

namespace multiprocessing::detail {

class ProcessAccess {
 public:
  [[nodiscard]] static ProcessHandle handle(std::shared_ptr<KnownProcess> process) {
    return ProcessHandle{std::move(process)};
  }
  [[nodiscard]] static Context context(StartMethod method) { return Context{method}; }
  [[nodiscard]] static Child& child(const Process& process) {
    if (process.child_ == nullptr) throw ValueError("process object was moved from");
    return *process.child_;
  }
};

}  // namespace multiprocessing::detail
