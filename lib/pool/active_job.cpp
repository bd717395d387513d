#include "pool/active_job.hpp"

#include "arena/event_count.hpp"
#include "base/interruption.hpp"
#include "pool/outcome.hpp"
#include "process/exit_code_of.hpp"

namespace multiprocessing::detail {
namespace {

bool aborted(std::mutex& mutex, const ActiveJob& job) {
  if (job.header().stopped.load() == 0) return false;
  const std::scoped_lock guard{mutex};
  return job.aborted != nullptr;
}

/// All chunks before `ended` have ended; some behind it may have.
std::size_t elements_done(JobHeader& header, std::uint32_t ended) {
  std::size_t done = 0;
  for (std::uint32_t chunk = 0; chunk < header.chunks; ++chunk)
    if (chunk < ended || over(header.word(chunk).load(std::memory_order_relaxed)))
      done += header.items_in(chunk);
  return done;
}

void lose(ActiveJob& job, std::uint32_t chunk, const WorkerEnd& end) {
  JobHeader& header = job.header();
  header.word(chunk).store(chunk_lost);
  const std::size_t first = header.first_item(chunk);
  if (job.loss && job.loss->task() < first) return;
  job.loss.emplace(describe(end) + (end.cause.empty() ? "" : ",") + " while it had " +
                       describe(first, header.items_in(chunk)),
                   end.pid, end.exitcode, first);
}

}  // namespace

std::string describe(const WorkerEnd& end) {
  return "worker " + std::to_string(end.pid) + ' ' + describe_end(end.exitcode) + end.cause;
}

std::string describe(std::size_t first_element, std::size_t count) {
  const std::string first = std::to_string(first_element);
  if (count == 1) return "element " + first;
  return "elements " + first + " to " + std::to_string(first_element + count - 1);
}

bool take_from_the_dead(ActiveJob& job, const WorkerEnd& end) {
  JobHeader& header = job.header();
  bool had_work = false;
  if (end.name >= first_name) {
    std::uint32_t claim = end.name;
    header.error_claim.compare_exchange_strong(claim, 0);  // its exception may never have come
    for (std::uint32_t chunk = 0; chunk < header.chunks; ++chunk) {
      if (header.word(chunk).load(std::memory_order_relaxed) != end.name) continue;
      had_work = true;
      if (job.attempts[chunk]++ < job.retries) {
        header.word(chunk).store(chunk_free);
      } else {
        lose(job, chunk, end);
        ++job.lost;
      }
    }
  }
  // Also for a chunk that was proposed to it and that it did not live to claim.
  header.offers.fetch_add(1);
  header.progress.notify_all();
  return had_work;
}

void abort(ActiveJob& job, const std::exception_ptr& reason) {
  if (!job.aborted) job.aborted = reason;
  job.header().stopped.store(1);
  job.header().progress.notify_all();
}

void wait_until_over(std::mutex& mutex, const ActiveJob& job, ProgressReport& progress) {
  JobHeader& header = job.header();
  std::uint32_t ended = 0;  // all chunks before it
  for (Wait wait{back_off::messages, "Pool.map"};;) {
    const std::uint32_t key = header.progress.key();
    while (ended < header.chunks && over(header.word(ended).load(std::memory_order_acquire)))
      ++ended;
    if (progress.wanted()) progress.tell_when_due([&] { return elements_done(header, ended); });
    if (ended == header.chunks || aborted(mutex, job)) break;
    header.progress.wait(wait, key, Deadline{progress.interval()});
  }
  if (ended == header.chunks) progress.tell(header.shape.items);
}

void throw_failure(const ActiveJob& job) {
  if (job.aborted || job.loss) check_interruption();  // workers may have died of the same signal
  if (job.aborted) std::rethrow_exception(job.aborted);
  JobHeader& header = job.header();
  for (std::uint32_t chunk = 0; chunk < header.chunks; ++chunk) {
    if (header.word(chunk).load() != chunk_threw) continue;
    const bool of_its_own = header.shape.result == Storage::as_bytes;
    const std::span<Link> links = links_of(job.handle);
    std::rethrow_exception(
        exception_in(links[of_its_own ? header.result_link + chunk : error_link]));
  }
  if (job.loss) throw WorkerDied(*job.loss);
}

}  // namespace multiprocessing::detail
