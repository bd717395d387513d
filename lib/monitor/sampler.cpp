#include "multiprocessing/monitor/sampler.hpp"

#include <thread>
#include <utility>

#include "monitor/net_dev.hpp"
#include "monitor/sampling.hpp"

namespace multiprocessing {

Sampler::Sampler(SamplerOptions options)
    : parts_(std::make_unique<detail::Sampling>(std::move(options))) {}
Sampler::~Sampler() = default;
Sampler::Sampler(Sampler&&) noexcept = default;
Sampler& Sampler::operator=(Sampler&&) noexcept = default;

SystemStats Sampler::system() {
  if (parts_->system_is_first()) {
    (void)parts_->system();
    std::this_thread::sleep_for(detail::shortest_span);
  }
  return parts_->system();
}

std::vector<ProcessInfo> Sampler::processes() {
  if (parts_->list_is_first()) {
    (void)parts_->processes();
    std::this_thread::sleep_for(detail::shortest_span);
  }
  return parts_->processes();
}

std::vector<ProcessInfo> Sampler::processes(const std::vector<ProcessHandle>& list) {
  if (parts_->any_is_first(list)) {
    (void)parts_->processes(list);
    std::this_thread::sleep_for(detail::shortest_span);
  }
  return parts_->processes(list);
}

NetworkInfo Sampler::network() { return detail::read_network(); }

}  // namespace multiprocessing
