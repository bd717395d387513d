// A message of the same name in unnamed namespaces of two source files, with other members.
#pragma once

#include "multiprocessing/queues.hpp"

namespace queues_test {

namespace mp = multiprocessing;

void save_queue_of_other_twins(mp::OutArchive& archive);  // of other_twin.cpp
void load_queue_of_twins(mp::InArchive& archive);         // of twins_test.cpp

/// Sends a queue of the messages of one file and receives it as one of those of the other.
struct QueueOfTwins {
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    if constexpr (Archive::is_saving::value)
      save_queue_of_other_twins(archive);
    else
      load_queue_of_twins(archive);
  }
};

}  // namespace queues_test
