// Features of recordings, for a table to learn from: features [RATE FILE]...
//
// A file has one sample on each line; RATE is how many there are in a second. Each is a row of the
// CSV on standard output, in the order of the arguments. Without files a row for each of twelve
// recordings that the program makes itself.
#include <multiprocessing/pool.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <numbers>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace mp = multiprocessing;

using Samples = std::vector<double>;

struct Features {  // an aggregate travels as it is
  double rms = 0, crossings = 0, loudest = 0;
};

/// How much of one frequency there is, by Goertzel's algorithm.
double power_at(const Samples& samples, double hertz, double rate) {
  const double turn = 2 * std::cos(2 * std::numbers::pi * hertz / rate);
  double last = 0, before = 0;
  for (double sample : samples) before = std::exchange(last, sample + turn * last - before);
  return last * last + before * before - turn * last * before;
}

Features features_of(const Samples& samples, double rate) {
  Features found;
  for (double sample : samples) found.rms += sample * sample;
  found.rms = std::sqrt(found.rms / static_cast<double>(samples.size()));
  for (std::size_t i = 1; i < samples.size(); ++i)
    found.crossings += (samples[i - 1] < 0) != (samples[i] < 0) ? 1 : 0;
  const double seconds = static_cast<double>(samples.size()) / rate;
  found.crossings /= seconds;
  double most = -1;
  for (double hertz = 1; hertz < rate / 2; ++hertz) {
    const double power = power_at(samples, hertz, rate);
    if (power > most) found.loudest = hertz;
    most = std::max(most, power);
  }
  return found;
}

Features features_of_file(double rate, const std::string& path) {
  std::ifstream file{path};
  const Samples samples{std::istream_iterator<double>{file}, {}};
  if (samples.empty() || !file.eof()) throw std::runtime_error{path + ": not a list of numbers"};
  return features_of(samples, rate);
}

std::vector<std::pair<Samples, double>> make_recordings() {
  std::vector<std::pair<Samples, double>> recordings;
  for (int number = 1; number <= 12; ++number) {
    const double rate = number % 2 == 0 ? 1000 : 2000;
    Samples samples(2000);
    for (std::size_t i = 0; i < samples.size(); ++i)
      samples[i] = std::sin(2 * std::numbers::pi * 20 * number * static_cast<double>(i) / rate);
    recordings.emplace_back(std::move(samples), rate);
  }
  return recordings;
}

int main(int count, char** arguments) try {
  std::vector<std::pair<double, std::string>> files;
  for (int i = 1; i + 1 < count; i += 2)
    files.emplace_back(std::strtod(arguments[i], nullptr), arguments[i + 1]);
  if (count % 2 == 0 || std::ranges::any_of(files, [](auto& file) { return !(file.first > 0); }))
    throw std::invalid_argument{"usage: features [RATE FILE]..."};

  mp::Pool pool;
  const std::vector<Features> table = files.empty() ? pool.starmap(features_of, make_recordings())
                                                    : pool.starmap(features_of_file, files);
  std::cout << "rms,crossings,loudest\n";
  for (const Features& row : table)
    std::cout << row.rms << ',' << row.crossings << ',' << row.loudest << '\n';
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return dynamic_cast<const std::invalid_argument*>(&error) != nullptr ? 2 : 1;
}
