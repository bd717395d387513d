// A question that brings along the pipe for its answer.
#include <multiprocessing/connection.hpp>
#include <multiprocessing/process.hpp>
#include <multiprocessing/queues.hpp>

#include <iostream>
#include <string>

namespace mp = multiprocessing;

// [question]
struct Question {
  std::string text;
  mp::Connection answer;

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& text& answer;
  }
};

void answer_all(mp::Queue<Question> questions) {
  for (const Question& question : questions) question.answer.send(question.text + "? Yes.");
}

std::string ask(const mp::Queue<Question>& questions, const std::string& text) {
  auto [hear, tell] = mp::Pipe({.duplex = false});
  questions.put({text, tell});
  tell.close();  // so that we see it when no process is left that could answer
  return hear.recv<std::string>();
}
// [/question]

int main() {
  mp::Queue<Question> questions;
  mp::Process first{answer_all, questions};
  mp::Process second{answer_all, questions};
  first.start();
  second.start();
  bool good = true;
  for (const char* text : {"Ready", "Steady", "Go"})
    good = ask(questions, text) == std::string{text} + "? Yes." && good;
  questions.shutdown();
  first.join();
  second.join();
  std::cout << (good ? "answered\n" : "not answered\n");
  return good ? 0 : 1;
}
