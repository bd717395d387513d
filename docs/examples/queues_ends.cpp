// How a reader learns that nothing more will come, and how memory is handed over.
#include <multiprocessing/process.hpp>
#include <multiprocessing/queues.hpp>

#include <iostream>

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
  return same && sum == 55 + 5050 ? 0 : 1;
}
