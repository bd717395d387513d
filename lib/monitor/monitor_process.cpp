#include "monitor/monitor_process.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <optional>
#include <utility>

#include "base/fail_point.hpp"
#include "monitor/alert_body.hpp"
#include "monitor/history.hpp"
#include "multiprocessing/monitor/sampler.hpp"
#include "multiprocessing/process.hpp"

namespace multiprocessing::detail {
namespace {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;

class Watch {
 public:
  explicit Watch(const MonitorTask& task)
      : interval_(task.interval), disks_(task.disks), history_(task.history) {}

  [[nodiscard]] nanoseconds left() const {
    return std::max(nanoseconds{0}, nanoseconds{due_ - steady_clock::now()});
  }

  void sample_if_due() {
    const auto now = steady_clock::now();
    if (now < due_) return;
    due_ = due_ + interval_ > now ? due_ + interval_ : now + interval_;
    fail_point("monitor.sample");
    try {
      history_.add(sampler().system());
      failing_ = false;
    } catch (...) {
      if (!std::exchange(failing_, true)) log_exception("a sample of a monitor's history");
    }
  }

  [[nodiscard]] Answer answer(Topic topic) {
    try {
      switch (topic) {
        case Topic::system:
          return sampler().system();
        case Topic::processes:
          return sampler().processes();
        case Topic::network:
          return sampler().network();
        default:
          return history_.all();
      }
    } catch (...) {
      return std::current_exception();
    }
  }

 private:
  // Made when it is needed, so that what it cannot do is an answer.
  Sampler& sampler() {
    if (!sampler_) sampler_.emplace(SamplerOptions{disks_});
    return *sampler_;
  }

  const nanoseconds interval_;
  const std::vector<std::string> disks_;
  steady_clock::time_point due_ = steady_clock::now();
  std::optional<Sampler> sampler_;
  History history_;
  bool failing_ = false;
};

}  // namespace

void answer_questions(Queue<Question> questions, MonitorTask task) {
  std::signal(SIGINT, SIG_IGN);
  Watch watch{task};
  try {
    for (;;) {
      if (const auto question = questions.try_get(watch.left())) {
        fail_point("monitor.question");
        const Answer answer = watch.answer(question->topic);
        fail_point("monitor.answer");
        question->answer.put(answer);
        fail_point("monitor.answered");
      }
      watch.sample_if_due();
    }
  } catch (const ShutDown&) {
    return;
  }
}

}  // namespace multiprocessing::detail
