// Just enough JSON to read the meta.json files of the test data, which are trusted and well-formed. Not for anything
// else.
#pragma once

#include <cstdlib>
#include <map>
#include <string>
#include <vector>

namespace sealedge::testing {

struct Json {
  double number = 0;
  bool boolean = false;
  std::string text;
  std::vector<Json> items;
  std::map<std::string, Json> members;
  const Json& operator[](const std::string& name) const {
    static const Json kMissing;
    const auto found = members.find(name);
    return found == members.end() ? kMissing : found->second;
  }
  bool has(const std::string& name) const { return members.contains(name); }
};

class JsonReader {
 public:
  explicit JsonReader(std::string text) : text_(std::move(text)) {}
  Json read() {
    Json value;
    switch (peek()) {
      case '{':
        for (++at_; peek() != '}';) {
          std::string name = read_string();
          skip(':');
          value.members[name] = read();
          if (peek() == ',') ++at_;
        }
        ++at_;
        break;
      case '[':
        for (++at_; peek() != ']';) {
          value.items.push_back(read());
          if (peek() == ',') ++at_;
        }
        ++at_;
        break;
      case '"':
        value.text = read_string();
        break;
      case 't':
      case 'n':
        value.boolean = text_[at_] == 't';
        at_ += 4;
        break;
      case 'f':
        at_ += 5;
        break;
      default: {
        char* end = nullptr;
        value.number = std::strtod(text_.c_str() + at_, &end);
        at_ = static_cast<size_t>(end - text_.c_str());
      }
    }
    return value;
  }

 private:
  char peek() {
    while (std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
    return text_[at_];
  }
  void skip(char expected) {
    if (peek() == expected) ++at_;
  }
  std::string read_string() {
    skip('"');
    std::string value;
    while (text_[at_] != '"') {
      if (text_[at_] == '\\') ++at_;
      value += text_[at_++];
    }
    ++at_;
    return value;
  }
  std::string text_;
  size_t at_ = 0;
};

}  // namespace sealedge::testing
