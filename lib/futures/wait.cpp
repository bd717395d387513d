#include "multiprocessing/futures/wait.hpp"

#include <algorithm>
#include <deque>
#include <string>
#include <unordered_set>

#include "futures/arrivals.hpp"

namespace multiprocessing::detail {

std::vector<std::size_t> first_places(const FutureStates& all) {
  std::vector<std::size_t> places;
  std::unordered_set<const FutureState*> seen;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (seen.insert(all[i].get()).second) places.push_back(i);
  return places;
}

std::vector<bool> wait_for(const FutureStates& futures, const WaitOptions& options) {
  const Deadline deadline{options.timeout};
  std::size_t left = futures.size();
  bool enough = false;
  const auto count = [&](const FutureState& future) {
    --left;
    if (options.return_when == ReturnWhen::first_completed ||
        (options.return_when == ReturnWhen::first_exception && future.failed()))
      enough = true;
  };
  if (left != 0) {
    Waiting waiting(futures);
    while (left != 0 && !enough) {
      const auto ended = waiting.next(deadline);
      if (ended.empty()) break;
      for (const std::uint32_t place : ended) count(*futures[place]);
    }
  }
  std::vector<bool> done;
  for (const auto& future : futures) done.push_back(future->settled());
  return done;
}

class Completions::Impl {
 public:
  Impl(const FutureStates& futures, Timeout timeout)
      : all_(futures.size()), until_(timeout), waiting_(futures) {}

  std::optional<std::size_t> next(Timeout timeout) {
    if (given_ == all_) return {};
    if (ended_.empty()) look(timeout);
    const std::size_t place = ended_.front();
    ended_.pop_front();
    ++given_;
    return place;
  }

 private:
  void look(Timeout timeout) {
    const Deadline once{timeout};
    const bool soon = !once.is_never() && (until_.is_never() || once.left() < until_.left());
    const auto ended = waiting_.next(soon ? once : until_);
    if (!ended.empty())
      ended_.assign(ended.begin(), ended.end());
    else if (soon)
      throw TimeoutError("no future is done in time");
    else
      throw TimeoutError(std::to_string(all_ - given_) + " (of " + std::to_string(all_) +
                         ") futures unfinished");
  }

  const std::size_t all_;
  const Deadline until_;
  Waiting waiting_;
  std::deque<std::uint32_t> ended_;  // and have not been given
  std::size_t given_ = 0;
};

Completions::Completions(const FutureStates& futures, Timeout timeout)
    : impl_(std::make_unique<Impl>(futures, timeout)) {}

Completions::~Completions() = default;

std::optional<std::size_t> Completions::next(Timeout timeout) { return impl_->next(timeout); }

}  // namespace multiprocessing::detail
