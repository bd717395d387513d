#include "managers/waiting.hpp"

namespace multiprocessing::detail {

WaitingCalls::~WaitingCalls() = default;

}  // namespace multiprocessing::detail
