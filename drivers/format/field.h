// What a format can say of a print-out: the fields of a Report that have a name in format files, and what stands in
//   them on paper.
//
// What: one row for each field, named as in report.proto; those of an Analysis, of a Finding and (with "weighing.")
//   of a Weighing. Put writes a printed value into its field.
// Promise: numbers stay as printed but for a decimal comma, which becomes a point; folders are cut off file names; what
//   a field cannot hold is not put there.
// Errors: Put says why a value does not agree with what is known; the first value stays.
// Threads: constant data, pure functions.
// Source: proto/dims/v1/report.proto.
#ifndef DIMS_DRIVERS_FORMAT_FIELD_H_
#define DIMS_DRIVERS_FORMAT_FIELD_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "google/protobuf/message.h"

namespace dims::format {

// What a printed value looks like.
enum class Kind {
  kText,      // words
  kTime,      // words with a digit among them
  kWord,      // no blank in it
  kNumber,    // "12", "-0.35", ".045", "1.2345E+07"
  kInteger,   // digits
  kAmount,    // a number, or "<" or ">" and a number
  kCas,       // a CAS registry number
  kConstant,  // never printed: a format sets it to one of the values that the contract has for it
};

struct Field {
  enum class Of { kAnalysis, kFinding, kWeighing, kCount };
  absl::string_view name;
  Kind kind;
  Of of;
  absl::string_view path;  // inside its message, with a dot before each inner field
};

absl::Span<const Field> Fields();
// nullptr where there is none of that name.
const Field* FindField(absl::string_view name);

// How a kind is written in a pattern ("number"); nullptr for kConstant and unknown names, and the names there are.
const Kind* FindKind(absl::string_view name);
absl::string_view KindName(Kind kind);
// "is no number".
std::string IsNone(Kind kind);

// Whether blanks may stand inside a value.
bool HasWords(Kind kind);
// How much of the head of `text` is a value of a kind whose form tells where it ends (a number, an integer, an amount);
// 0 where there is none. `decimal`: '.' or ','; the other one is not of a number, for it may part the thousands.
std::size_t FormLength(Kind kind, char decimal, absl::string_view text);
bool HasForm(Kind kind);
// Whether all of `text` is such a value.
bool IsOne(Kind kind, char decimal, absl::string_view text);

// What the contract calls the value of a constant ("gc" is TECHNIQUE_GC), whether it has it, and those it has.
bool IsConstant(const Field& field, absl::string_view value);
std::string Constants(const Field& field);

// Whether it holds any number of values, one after the other.
bool IsRepeated(const Field& field);

// Puts a value into its field of `owner`, which is of the kind of message that field.of says. Returns what does not
// agree with what is there already, or with itself; empty if all is well.
std::string Put(const Field& field, absl::string_view value, google::protobuf::Message& owner);
// A text that went on in the next line; one blank joins the two.
void Append(const Field& field, absl::string_view more, google::protobuf::Message& owner);
// What is there, empty where nothing is.
std::string Get(const Field& field, const google::protobuf::Message& owner);

}  // namespace dims::format

#endif  // DIMS_DRIVERS_FORMAT_FIELD_H_
