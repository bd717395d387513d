// What the process of a ProcessMonitor does, and what it is asked.
#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <variant>
#include <vector>

#include "multiprocessing/monitor/stats.hpp"
#include "multiprocessing/queues.hpp"

namespace multiprocessing::detail {

enum class Topic { system, processes, network, history };

using Answer = std::variant<SystemStats, std::vector<ProcessInfo>, NetworkInfo,
                            std::vector<SystemStats>, std::exception_ptr>;

/// The writer view is the only one of its queue: the asking thread sees end-of-file when the
/// process dies, or drops the question.
struct Question {
  Topic topic = Topic::system;
  QueueWriter<Answer> answer = {};
};

struct MonitorTask {
  std::int64_t interval = 0;  // in nanoseconds
  std::uint64_t history = 0;
  std::vector<std::string> disks = {};
};

/// Answers until the queue is shut down.
void answer_questions(Queue<Question> questions, MonitorTask task);

}  // namespace multiprocessing::detail
