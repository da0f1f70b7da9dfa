#include "drivers/format/field.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "dims/v1/report.pb.h"
#include "drivers/cas.h"
#include "drivers/decimal.h"
#include "drivers/text.h"
#include "google/protobuf/descriptor.h"

namespace dims::format {
namespace {

using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr Field OfAnalysis(absl::string_view name, Kind kind) { return {name, kind, Field::Of::kAnalysis, name}; }
constexpr Field OfFinding(absl::string_view name, Kind kind) { return {name, kind, Field::Of::kFinding, name}; }
constexpr Field OfWeighing(absl::string_view name, Kind kind) {
  return {name, kind, Field::Of::kWeighing, name.substr(sizeof("weighing.") - 1)};
}

constexpr Field kFields[] = {
    OfAnalysis("sample_number", Kind::kText),
    OfAnalysis("data_file", Kind::kText),
    OfAnalysis("run_number", Kind::kWord),
    OfAnalysis("method", Kind::kText),
    OfAnalysis("method_title", Kind::kText),
    OfAnalysis("technique", Kind::kConstant),
    OfAnalysis("review_state", Kind::kConstant),
    OfAnalysis("acquired_at_printed", Kind::kTime),
    OfAnalysis("reported_at_printed", Kind::kTime),
    OfAnalysis("calibrated_at_printed", Kind::kTime),
    OfAnalysis("vial", Kind::kWord),
    OfAnalysis("sample_multiplier", Kind::kNumber),
    OfAnalysis("signal", Kind::kText),
    OfAnalysis("integrator", Kind::kText),
    OfAnalysis("integration_parameters", Kind::kText),
    OfAnalysis("area_sum", Kind::kNumber),
    OfAnalysis("area_unit", Kind::kWord),
    OfAnalysis("height_unit", Kind::kWord),
    OfAnalysis("injection_volume", Kind::kText),
    OfAnalysis("report_title", Kind::kText),
    OfFinding("label", Kind::kText),
    OfFinding("cas", Kind::kCas),
    OfFinding("retention_time", Kind::kNumber),
    OfFinding("retention_time_deviation", Kind::kNumber),
    OfFinding("peak.number", Kind::kInteger),
    OfFinding("peak.first_scan", Kind::kInteger),
    OfFinding("peak.max_scan", Kind::kInteger),
    OfFinding("peak.last_scan", Kind::kInteger),
    OfFinding("peak.type", Kind::kWord),
    OfFinding("peak.height", Kind::kNumber),
    OfFinding("peak.area", Kind::kNumber),
    OfFinding("peak.area_percent", Kind::kNumber),
    OfFinding("peak.percent_of_max", Kind::kNumber),
    OfFinding("peak.start_time", Kind::kNumber),
    OfFinding("peak.end_time", Kind::kNumber),
    OfFinding("peak.width", Kind::kNumber),
    OfFinding("amount.value", Kind::kAmount),
    OfFinding("amount.unit", Kind::kWord),
    OfFinding("amount.qualifier", Kind::kConstant),
    OfFinding("amount.denominator", Kind::kConstant),
    OfFinding("amount.basis", Kind::kConstant),
    OfFinding("role", Kind::kConstant),
    OfFinding("flags", Kind::kWord),
    OfFinding("quantitation_ion", Kind::kNumber),
    OfFinding("response", Kind::kNumber),
    OfFinding("result_status", Kind::kWord),
    OfFinding("reference_range", Kind::kText),
    OfFinding("spectrum_title", Kind::kText),
    OfFinding("in_library_factor", Kind::kNumber),
    OfFinding("retention_index", Kind::kNumber),
    OfFinding("signal_to_noise", Kind::kNumber),
    OfFinding("purity", Kind::kNumber),
    OfFinding("recovery", Kind::kNumber),
    OfFinding("recovery_range", Kind::kText),
    OfFinding("test_id", Kind::kText),
    OfFinding("identifications.label", Kind::kText),
    OfFinding("identifications.cas", Kind::kCas),
    OfFinding("identifications.score", Kind::kNumber),
    OfFinding("identifications.score_kind", Kind::kConstant),
    OfFinding("identifications.rank", Kind::kInteger),
    OfFinding("identifications.library", Kind::kText),
    OfFinding("identifications.reference", Kind::kWord),
    OfFinding("identifications.formula", Kind::kWord),
    OfFinding("identifications.reverse_match", Kind::kNumber),
    OfFinding("identifications.probability", Kind::kNumber),
    OfFinding("identifications.molecular_weight", Kind::kNumber),
    OfFinding("identifications.retention_index", Kind::kNumber),
    OfFinding("identifications.flags", Kind::kWord),
    OfWeighing("weighing.value", Kind::kNumber),
    OfWeighing("weighing.unit", Kind::kWord),
    OfWeighing("weighing.stable", Kind::kConstant),
    OfWeighing("weighing.kind", Kind::kConstant),
    OfWeighing("weighing.sample_number", Kind::kText),
    {"count", Kind::kInteger, Field::Of::kCount, ""},
};

constexpr std::pair<absl::string_view, Kind> kKinds[] = {
    {"text", Kind::kText},       {"time", Kind::kTime},     {"word", Kind::kWord}, {"number", Kind::kNumber},
    {"integer", Kind::kInteger}, {"amount", Kind::kAmount}, {"cas", Kind::kCas},
};

bool NamesFile(absl::string_view path) {
  return path == "data_file" || path == "method" || path == "integration_parameters";
}

const Message& Prototype(Field::Of of) {
  switch (of) {
    case Field::Of::kAnalysis:
      return dims::v1::Analysis::default_instance();
    case Field::Of::kFinding:
      return dims::v1::Finding::default_instance();
    case Field::Of::kWeighing:
      return dims::v1::Weighing::default_instance();
    case Field::Of::kCount:
      break;
  }
  return dims::v1::Report::default_instance();
}

std::string Head(absl::string_view& path) {
  const std::size_t dot = std::min(path.find('.'), path.size());
  std::string head(path.substr(0, dot));
  path.remove_prefix(std::min(dot + 1, path.size()));
  return head;
}

const FieldDescriptor* Describe(const Field& field) {
  const google::protobuf::Descriptor* message = Prototype(field.of).GetDescriptor();
  absl::string_view path = field.path;
  for (;;) {
    const FieldDescriptor* step = message->FindFieldByName(Head(path));
    if (step == nullptr || path.empty()) return step;
    message = step->message_type();
  }
}

// The message that holds the last step of `path`, which is cut down to it. What is there many times: the last.
Message* Inner(Message& owner, absl::string_view& path) {
  Message* message = &owner;
  while (path.find('.') != absl::string_view::npos) {
    const Reflection* reflection = message->GetReflection();
    const FieldDescriptor* step = message->GetDescriptor()->FindFieldByName(Head(path));
    if (!step->is_repeated()) {
      message = reflection->MutableMessage(message, step);
    } else if (const int size = reflection->FieldSize(*message, step); size > 0) {
      message = reflection->MutableRepeatedMessage(message, step, size - 1);
    } else {
      message = reflection->AddMessage(message, step);
    }
  }
  return message;
}

absl::string_view Prefix(const EnumDescriptor& type) { return absl::StripSuffix(type.value(0)->name(), "UNSPECIFIED"); }

const google::protobuf::EnumValueDescriptor* EnumValue(const EnumDescriptor& type, absl::string_view value) {
  return type.FindValueByName(absl::StrCat(Prefix(type), absl::AsciiStrToUpper(value)));
}

std::string SetText(Message& message, const FieldDescriptor& field, absl::string_view name, std::string value) {
  const Reflection* reflection = message.GetReflection();
  if (field.is_repeated()) {
    reflection->AddString(&message, &field, std::move(value));
    return "";
  }
  const std::string before = reflection->GetString(message, &field);
  if (!before.empty()) return before == value ? "" : absl::StrCat(name, " is said twice, and not the same");
  reflection->SetString(&message, &field, std::move(value));
  return "";
}

}  // namespace

absl::Span<const Field> Fields() { return kFields; }

const Field* FindField(absl::string_view name) {
  const auto* found =
      std::find_if(std::begin(kFields), std::end(kFields), [&](const Field& f) { return f.name == name; });
  return found == std::end(kFields) ? nullptr : found;
}

const Kind* FindKind(absl::string_view name) {
  for (const auto& [known, kind] : kKinds) {
    if (known == name) return &kind;
  }
  return nullptr;
}

absl::string_view KindName(Kind kind) {
  for (const auto& [name, known] : kKinds) {
    if (known == kind) return name;
  }
  return "constant";
}

std::string IsNone(Kind kind) {
  switch (kind) {
    case Kind::kInteger:
    case Kind::kAmount:
      return absl::StrCat("is no ", kind == Kind::kInteger ? "whole number" : "amount");
    case Kind::kCas:
      return "is no CAS number";
    default:
      return absl::StrCat("is no ", KindName(kind));
  }
}

bool HasWords(Kind kind) { return kind == Kind::kText || kind == Kind::kTime; }

bool HasForm(Kind kind) { return kind == Kind::kNumber || kind == Kind::kInteger || kind == Kind::kAmount; }

std::size_t FormLength(Kind kind, char decimal, absl::string_view text) {
  std::size_t at = 0;
  const auto is = [&](absl::string_view any) {
    return at < text.size() && any.find(text[at]) != absl::string_view::npos;
  };
  const auto digits = [&] {
    const std::size_t from = at;
    while (at < text.size() && absl::ascii_isdigit(text[at])) ++at;
    return at - from;
  };
  if (kind == Kind::kInteger) return digits();
  if (kind == Kind::kAmount && is("<>")) {
    ++at;
    if (is("=")) ++at;
  }
  if (is("+-")) ++at;
  std::size_t mantissa = digits();
  if (is(absl::string_view(&decimal, 1))) {
    ++at;
    mantissa += digits();
  }
  if (mantissa == 0) return 0;
  const std::size_t plain = at;
  if (!is("Ee")) return plain;
  ++at;
  if (is("+-")) ++at;
  return digits() > 0 ? at : plain;
}

bool IsOne(Kind kind, char decimal, absl::string_view text) {
  switch (kind) {
    case Kind::kText:
    case Kind::kWord:
      return !text.empty();
    case Kind::kTime:
      return std::any_of(text.begin(), text.end(), absl::ascii_isdigit);
    case Kind::kNumber:
    case Kind::kInteger:
    case Kind::kAmount:
      return !text.empty() && FormLength(kind, decimal, text) == text.size();
    case Kind::kCas:
      return ParseCas(text).has_value();
    case Kind::kConstant:
      return false;
  }
  return false;
}

bool IsConstant(const Field& field, absl::string_view value) {
  const FieldDescriptor* described = Describe(field);
  if (described->enum_type() == nullptr) return value == "true" || value == "false";
  return value == absl::AsciiStrToLower(value) && EnumValue(*described->enum_type(), value) != nullptr;
}

std::string Constants(const Field& field) {
  const EnumDescriptor* type = Describe(field)->enum_type();
  if (type == nullptr) return "true, false";
  std::vector<std::string> names;
  for (int i = 1; i < type->value_count(); ++i) {
    names.push_back(absl::AsciiStrToLower(absl::StripPrefix(type->value(i)->name(), Prefix(*type))));
  }
  return absl::StrJoin(names, ", ");
}

bool IsRepeated(const Field& field) {
  const FieldDescriptor* step = Describe(field);
  return step != nullptr && step->is_repeated();
}

std::string Put(const Field& field, absl::string_view value, Message& owner) {
  absl::string_view path = field.path;
  Message& message = *Inner(owner, path);
  const Reflection* reflection = message.GetReflection();
  const FieldDescriptor& place = *message.GetDescriptor()->FindFieldByName(std::string(path));
  switch (place.cpp_type()) {
    case FieldDescriptor::CPPTYPE_ENUM:
      reflection->SetEnum(&message, &place, EnumValue(*place.enum_type(), value));
      return "";
    case FieldDescriptor::CPPTYPE_BOOL:
      reflection->SetBool(&message, &place, value == "true");
      return "";
    case FieldDescriptor::CPPTYPE_UINT32: {
      uint32_t number = 0;
      if (!absl::SimpleAtoi(value, &number)) return absl::StrCat(field.name, " is no number that can be");
      reflection->SetUInt32(&message, &place, number);
      return "";
    }
    default:
      break;
  }
  if (field.kind == Kind::kCas) {
    const Cas cas = *ParseCas(value);
    if (cas.kind == Cas::kAbsent) return "";
    const std::string again = SetText(message, place, field.name, cas.number);
    return cas.kind == Cas::kWrongCheckDigit ? absl::StrCat("the check digit of CAS ", cas.number, " is wrong") : again;
  }
  if (field.kind == Kind::kAmount) {
    auto& amount = static_cast<dims::v1::Amount&>(message);
    const auto qualifier = absl::ConsumePrefix(&value, "<")   ? dims::v1::AMOUNT_QUALIFIER_LESS_THAN
                           : absl::ConsumePrefix(&value, ">") ? dims::v1::AMOUNT_QUALIFIER_GREATER_THAN
                                                              : dims::v1::AMOUNT_QUALIFIER_EQUAL;
    absl::ConsumePrefix(&value, "=");
    if (!amount.value().empty() && amount.qualifier() != qualifier) {
      return absl::StrCat(field.name, " is said twice, and not the same");
    }
    amount.set_qualifier(qualifier);
  }
  if (field.kind == Kind::kNumber || field.kind == Kind::kAmount) {
    return SetText(message, place, field.name, Point(value));
  }
  return SetText(message, place, field.name, std::string(NamesFile(field.path) ? FileName(value) : value));
}

void Append(const Field& field, absl::string_view more, Message& owner) {
  absl::string_view path = field.path;
  Message& message = *Inner(owner, path);
  const FieldDescriptor* place = message.GetDescriptor()->FindFieldByName(std::string(path));
  const std::string before = message.GetReflection()->GetString(message, place);
  message.GetReflection()->SetString(&message, place, absl::StrCat(before, before.empty() ? "" : " ", more));
}

std::string Get(const Field& field, const Message& owner) {
  const Message* message = &owner;
  absl::string_view path = field.path;
  while (path.find('.') != absl::string_view::npos) {
    const FieldDescriptor* step = message->GetDescriptor()->FindFieldByName(Head(path));
    if (step->is_repeated()) return "";
    message = &message->GetReflection()->GetMessage(*message, step);
  }
  const FieldDescriptor* place = message->GetDescriptor()->FindFieldByName(std::string(path));
  if (place->cpp_type() != FieldDescriptor::CPPTYPE_STRING || place->is_repeated()) return "";
  return message->GetReflection()->GetString(*message, place);
}

}  // namespace dims::format
