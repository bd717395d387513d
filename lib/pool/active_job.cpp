#include "pool/active_job.hpp"

#include <cstring>

namespace multiprocessing::detail {

std::string describe(const WorkerEnd& end) {
  std::string text = "worker " + std::to_string(end.pid);
  if (end.exitcode >= 0) return text + " exited with code " + std::to_string(end.exitcode);
  const char* signal = sigabbrev_np(-end.exitcode);
  text += " was killed by ";
  return text + (signal != nullptr ? "SIG" + std::string(signal) : std::to_string(-end.exitcode));
}

void take_from_the_dead(ActiveJob& job, const WorkerEnd& end) {
  JobHeader& header = job.header();
  if (end.name >= first_name) {
    std::uint32_t claim = end.name;
    header.error_claim.compare_exchange_strong(claim, 0);  // its exception never came
    for (std::uint32_t chunk = 0; chunk < header.chunks; ++chunk) {
      if (header.word(chunk).load(std::memory_order_relaxed) != end.name) continue;
      if (job.attempts[chunk]++ < job.retries) {
        header.word(chunk).store(chunk_free);
        continue;
      }
      header.word(chunk).store(chunk_lost);
      const std::size_t first = header.first_item(chunk);
      if (!job.loss || first < job.loss->task())
        job.loss.emplace(describe(end) + " while it had elements " + std::to_string(first) +
                             " to " + std::to_string(first + header.items_in(chunk) - 1),
                         end.pid, end.exitcode, first);
    }
  }
  // Also for a chunk that was proposed to it and that it did not live to claim.
  header.offers.fetch_add(1);
  notify_caller(header);
}

void abort(ActiveJob& job, const std::exception_ptr& reason) {
  if (!job.aborted) job.aborted = reason;
  job.header().stopped.store(1);
  notify_caller(job.header());
}

}  // namespace multiprocessing::detail
