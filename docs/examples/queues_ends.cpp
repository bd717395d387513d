// How readers and writers learn that the others are gone, and how memory is handed over.
#include <multiprocessing/process.hpp>
#include <multiprocessing/queues.hpp>

#include <cstdlib>
#include <iostream>
#include <string>

namespace mp = multiprocessing;

// [views]
void count_to(mp::QueueWriter<int> numbers, int last) {
  for (int i = 1; i <= last; ++i) numbers.put(i);
}

int sum_of_two_counts() {
  mp::Queue<int> queue;
  mp::Process first{count_to, queue.writer(), 10};
  mp::Process second{count_to, queue.writer(), 100};
  first.start();
  second.start();
  int sum = 0;
  for (int number : queue.reader()) sum += number;  // ends with the last writer, killed or not
  first.join();
  second.join();
  return sum;
}
// [/views]

// [readers]
void work(mp::QueueReader<int> tasks) {
  for (int task : tasks) {
    if (task == 3) std::abort();  // or a kill -9
    tasks.task_done();
  }
}

bool says_who_is_gone() {
  mp::JoinableQueue<int> tasks(2);
  mp::Process worker{{.name = "worker"}, work, tasks.reader()};
  worker.start();
  try {
    for (int task = 1; task <= 100; ++task) tasks.put(task);
    tasks.join();
  } catch (const mp::BrokenPipeError& error) {  // "… 'worker' (process 42), was killed by SIGABRT"
    worker.join();
    return std::string{error.what()}.find("'worker'") != std::string::npos;
  }
  return false;
}
// [/readers]

// [shutdown]
void produce(mp::Queue<int> numbers) {
  for (int i = 0;; ++i) numbers.put(i);  // ShutDown ends the child, quietly and with code 0
}

bool releases_producers() {
  mp::Queue<int> numbers(10);
  mp::Process producer{produce, numbers};
  producer.start();
  const int first = numbers.get();
  numbers.shutdown({.immediate = true});  // wakes all waits, also in other processes
  producer.join();
  return first == 0 && producer.exitcode() == 0;
}
// [/shutdown]

// [buffer]
void brighten(mp::Queue<mp::SharedBuffer<float>> images, mp::Queue<mp::SharedBuffer<float>> done) {
  mp::SharedBuffer<float> image = images.get();  // the same memory, whatever its size
  for (float& pixel : image) pixel *= 2;
  done.put(image);
}
// [/buffer]

int main() {
  mp::Queue<mp::SharedBuffer<float>> images;
  mp::Queue<mp::SharedBuffer<float>> done;
  mp::Process process{brighten, images, done};
  process.start();
  mp::SharedBuffer<float> image(1920 * 1080);
  image[7] = 0.25F;
  images.put(image);
  const bool same = done.get() == image && image[7] == 0.5F;
  process.join();
  const int sum = sum_of_two_counts();
  std::cout << "sum " << sum << '\n';
  return same && sum == 55 + 5050 && says_who_is_gone() && releases_producers() ? 0 : 1;
}
