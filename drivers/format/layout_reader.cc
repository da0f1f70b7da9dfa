#include "drivers/format/layout_reader.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "drivers/decimal.h"

namespace dims::format {
namespace {

using Names = std::vector<absl::string_view>;

constexpr std::size_t kMostRules = 200, kMostColumns = 24;
constexpr absl::string_view kReport = "[report]";

class LayoutReader {
 public:
  explicit LayoutReader(TomlErrors& errors) : errors_(errors) {}

  Layout Read(const toml::table& root) {
    const toml::node* node = root.get("report");
    const toml::table* report = node == nullptr ? nullptr : node->as_table();
    if (report != nullptr) {
      ReadReport(*report);
    } else if (node == nullptr) {
      Fail(TomlErrors::kNoLine, "", "missing table [report]: what a report looks like");
    }
    ReadTables(root);
    if (report != nullptr) {
      ReadSums(*report);
      ReadRequired(*report);
    }
    return std::move(layout_);
  }

 private:
  void Fail(int line, absl::string_view place, absl::string_view message) { errors_.Fail(line, place, message); }
  void Fail(const toml::node& node, absl::string_view place, absl::string_view message) {
    Fail(LineOfNode(node), place, message);
  }

  void ReadReport(const toml::table& report) {
    CheckTomlKeys(report, kReport,
                  {"start", "end", "lines", "continuation", "between", "set", "sums", "required", "decimal", kIdleKey},
                  errors_);
    if (const toml::node* decimal = report.get("decimal")) {
      const auto* text = decimal->as_string();
      if (text == nullptr || (text->get() != "point" && text->get() != "comma")) {
        Fail(*decimal, kReport, "decimal: one of point (the default), comma");
      } else if (text->get() == "comma") {
        decimal_ = ',';
      }
    }
    layout_.start = ReadRules(report, "start");
    layout_.end = ReadRules(report, "end");
    layout_.lines = ReadRules(report, "lines");
    layout_.continuation = ReadRules(report, "continuation");
    layout_.between = ReadRules(report, "between");
    if (!report.contains("start")) {
      Fail(LineOfNode(report), kReport, "missing key \"start\": what the first line of a report looks like");
    }
    for (const Rule& rule : layout_.continuation) {
      CheckOf("continuation", rule, {Field::Of::kFinding, Field::Of::kWeighing},
              "it says more of a finding or a weighing, and of nothing else");
    }
    for (const Rule& rule : layout_.between) {
      CheckOf("between", rule, {}, "what is printed between reports belongs to none; read it as {skip}");
    }
    if (const toml::node* set = report.get("set")) {
      layout_.set = ReadConstants(*set, kReport);
      for (const Constant& constant : layout_.set) {
        if (constant.field->of == Field::Of::kAnalysis) continue;
        Fail(*set, kReport,
             absl::StrCat("set: \"", constant.field->name,
                          "\" is not of the report: set it in a table or with a pattern"));
      }
    }
  }

  void CheckOf(absl::string_view key, const Rule& rule, std::initializer_list<Field::Of> allowed,
               absl::string_view why) {
    const auto check = [&](const Field* field) {
      if (field == nullptr || absl::c_linear_search(allowed, field->of)) return;
      Fail(rule.line, absl::StrCat(kReport, " ", key), absl::StrCat("\"", field->name, "\": ", why));
    };
    for (const Slot& slot : rule.pattern.slots()) check(slot.field);
    for (const Constant& constant : rule.set) check(constant.field);
  }

  std::vector<Rule> ReadRules(const toml::table& report, absl::string_view key) {
    std::vector<Rule> rules;
    const toml::node* node = report.get(StdView(key));
    if (node == nullptr) return rules;
    const std::string place = absl::StrCat(kReport, " ", key);
    if (const toml::array* list = node->as_array()) {
      if (list->empty()) Fail(*node, place, "an empty list");
      for (const toml::node& element : *list) ReadRule(element, place, rules);
    } else {
      ReadRule(*node, place, rules);
    }
    return rules;
  }

  void ReadRule(const toml::node& node, const std::string& place, std::vector<Rule>& rules) {
    const toml::node* text = &node;
    std::vector<Constant> set;
    if (const toml::table* table = node.as_table()) {
      CheckTomlKeys(*table, place, {"pattern", "set"}, errors_);
      text = table->get("pattern");
      if (text == nullptr) return Fail(node, place, "missing key \"pattern\"");
      if (const toml::node* constants = table->get("set")) set = ReadConstants(*constants, place);
    }
    if (!text->is_string()) return Fail(*text, place, absl::StrCat("a pattern must be text, not ", Describe(*text)));
    absl::StatusOr<Pattern> pattern = Pattern::Parse(text->as_string()->get(), decimal_);
    if (!pattern.ok()) return Fail(*text, place, pattern.status().message());
    if (++rules_ > kMostRules) return Fail(*text, place, absl::StrCat("more than ", kMostRules, " patterns"));
    rules.push_back({*std::move(pattern), std::move(set), LineOfNode(*text)});
    std::vector<const Field*> fields;
    for (const Slot& slot : rules.back().pattern.slots()) {
      if (slot.field == nullptr) continue;
      if (absl::c_linear_search(fields, slot.field) && !IsRepeated(*slot.field)) {
        Fail(*text, place, absl::StrCat("\"", slot.field->name, "\" stands there twice"));
      }
      fields.push_back(slot.field);
    }
    read_.insert(read_.end(), fields.begin(), fields.end());
  }

  std::vector<Constant> ReadConstants(const toml::node& node, absl::string_view place) {
    std::vector<Constant> constants;
    if (!node.is_table()) {
      Fail(node, place, absl::StrCat("\"set\" must be a table, such as { technique = \"gc\" }, not ", Describe(node)));
      return constants;
    }
    Names names;
    for (const Field& field : Fields()) {
      if (MayBeSet(field)) names.push_back(field.name);
    }
    for (const auto& [key, value] : *node.as_table()) {
      const Field* field = FindField(View(key.str()));
      const std::optional<std::string> text = value.is_boolean() ? TextOf(value, OptionSpec::Type::kBoolean)  //
                                                                 : TextOf(value, OptionSpec::Type::kText);
      if (field == nullptr) {
        Fail(LineOfKey(key), place,
             absl::StrCat("set: unknown field \"", View(key.str()), "\"", NameHint(View(key.str()), names)));
      } else if (!MayBeSet(*field)) {
        Fail(LineOfKey(key), place, absl::StrCat("set: \"", field->name, "\" is only ever read, from what is printed"));
      } else if (!text || text->empty()) {
        Fail(value, place, absl::StrCat("set: \"", field->name, "\" must be text, not ", Describe(value)));
      } else if (field->kind == Kind::kConstant && !IsConstant(*field, *text)) {
        Fail(value, place,
             absl::StrCat("set: \"", field->name, "\" is one of ", Constants(*field), ", not \"", *text, "\""));
      } else {
        constants.push_back({field, *text});
      }
    }
    return constants;
  }

  // Numbers and times are read, never known beforehand.
  static bool MayBeSet(const Field& field) {
    return field.kind == Kind::kConstant || field.kind == Kind::kText || field.kind == Kind::kWord;
  }

  void ReadTables(const toml::table& root) {
    const toml::node* node = root.get("table");
    if (node == nullptr) return;
    const toml::array* list = node->as_array();
    if (list == nullptr || !absl::c_all_of(*list, [](const toml::node& table) { return table.is_table(); })) {
      return Fail(*node, "",
                  absl::StrCat("\"table\" must be a table headed [[table]] for each, not ", Describe(*node)));
    }
    for (const toml::node& table : *list) {
      layout_.tables.emplace_back();
      ReadTable(*table.as_table(), absl::StrCat("[[table]] number ", layout_.tables.size()), layout_.tables.back());
    }
  }

  void ReadTable(const toml::table& given, const std::string& place, TableRule& table) {
    CheckTomlKeys(given, place, {"columns", "ruler", "optional", "wraps", "set"}, errors_);
    const toml::node *columns = given.get("columns"), *ruler = given.get("ruler");
    if ((columns == nullptr) == (ruler == nullptr)) {
      return Fail(given, place,
                  "a table is known by its \"columns\", which have names, or by its \"ruler\": it has one of these");
    }
    table.ruled = ruler != nullptr;
    const toml::node& node = table.ruled ? *ruler : *columns;
    if (table.ruled ? !node.is_array() : !node.is_table()) {
      return Fail(node, place,
                  table.ruled
                      ? absl::StrCat("\"ruler\" must be a list of fields, not ", Describe(node))
                      : absl::StrCat("\"columns\" must be a table of printed names and fields, not ", Describe(node)));
    }
    if (table.ruled) {
      for (const toml::node& field : *node.as_array()) ReadColumn("", field, place, table);
    } else {
      for (const auto& [key, field] : *node.as_table()) ReadColumn(std::string(key.str()), field, place, table);
    }
    if (table.columns.size() < 2 || table.columns.size() > kMostColumns) {
      Fail(node, place, absl::StrCat("a table has from 2 to ", kMostColumns, " columns"));
    }
    ReadMarks(given, "optional", place, table, [](Column& column) { column.may_be_empty = true; });
    ReadMarks(given, "wraps", place, table, [](Column& column) { column.may_wrap = true; });
    for (const Column& column : table.columns) {
      if (column.may_wrap && column.slot.kind != Kind::kText) {
        Fail(given, place,
             absl::StrCat("\"", MarkOf(column), "\" does not hold text: it cannot go on in the next line"));
      }
    }
    if (absl::c_none_of(table.columns, [](const Column& column) { return column.anchors(); })) {
      Fail(node, place, "any line would be a row: one column that is not optional must hold numbers");
    }
    if (const toml::node* set = given.get("set")) {
      table.set = ReadConstants(*set, place);
      for (const Constant& constant : table.set) {
        if (constant.field->of == Field::Of::kFinding) continue;
        Fail(*set, place, absl::StrCat("set: \"", constant.field->name, "\" is not of a finding, which a row is"));
      }
    }
  }

  void ReadColumn(const std::string& name, const toml::node& node, const std::string& place, TableRule& table) {
    if (!node.is_string()) return Fail(node, place, absl::StrCat("a field must be text, not ", Describe(node)));
    const absl::StatusOr<Slot> slot = ParseSlot(node.as_string()->get(), decimal_);
    if (!slot.ok()) return Fail(node, place, slot.status().message());
    if (slot->field != nullptr && slot->field->of != Field::Of::kFinding) {
      return Fail(node, place, absl::StrCat("\"", slot->field->name, "\" is not of a finding, which a row is"));
    }
    if (!table.ruled && (name.empty() || absl::StrContains(name, "  ") || name.front() == ' ' || name.back() == ' ' ||
                         absl::c_any_of(name, absl::ascii_iscntrl))) {
      return Fail(node, place, absl::StrCat("\"", name, "\" is no name of a column: words with one blank in between"));
    }
    table.columns.push_back({name, *slot});
    if (slot->field == nullptr) return;
    read_.push_back(slot->field);
    if (absl::c_count_if(table.columns, [&](const Column& c) { return c.slot.field == slot->field; }) > 1 &&
        !IsRepeated(*slot->field)) {
      Fail(node, place, absl::StrCat("two columns hold \"", slot->field->name, "\""));
    }
  }

  // What "optional" and "wraps" call a column.
  static absl::string_view MarkOf(const Column& column) {
    if (!column.name.empty()) return column.name;
    return column.slot.field == nullptr ? absl::string_view("skip") : column.slot.field->name;
  }

  template <typename Mark>
  void ReadMarks(const toml::table& given, absl::string_view key, const std::string& place, TableRule& table,
                 Mark mark) {
    const toml::node* node = given.get(StdView(key));
    if (node == nullptr) return;
    if (!node->is_array()) {
      return Fail(*node, place, absl::StrCat("\"", key, "\" must be a list of columns, not ", Describe(*node)));
    }
    Names names;
    for (const Column& column : table.columns) names.push_back(MarkOf(column));
    for (const toml::node& element : *node->as_array()) {
      const absl::string_view name =
          element.is_string() ? View(element.as_string()->get()) : absl::string_view("what is no text");
      bool found = false;
      for (Column& column : table.columns) {
        if (MarkOf(column) != name) continue;
        mark(column);
        found = true;
      }
      if (!found) {
        Fail(element, place, absl::StrCat(key, ": there is no column \"", name, "\"", NameHint(name, names)));
      }
    }
  }

  bool IsRead(const Field* field) const { return absl::c_linear_search(read_, field); }

  void ReadSums(const toml::table& report) {
    const toml::node* node = report.get("sums");
    if (node == nullptr) return;
    const std::string place = absl::StrCat(kReport, " sums");
    if (!node->is_table()) {
      return Fail(*node, place,
                  absl::StrCat("must be a table, such as { \"peak.area\" = \"area_sum\" }, not ", Describe(*node)));
    }
    for (const auto& [key, value] : *node->as_table()) {
      const Field* of = FieldAt(LineOfKey(key), place, View(key.str()), Field::Of::kFinding);
      if (of == nullptr) continue;
      if (!HasForm(of->kind)) {
        Fail(LineOfKey(key), place, absl::StrCat("\"", of->name, "\" holds no numbers"));
        continue;
      }
      Sum sum{of, nullptr, ""};
      if (value.is_integer()) {
        sum.number = absl::StrCat(value.as_integer()->get());
      } else if (const auto* text = value.as_string()) {
        sum.number = text->get();
        if (!Decimal::Parse(sum.number)) {
          sum.total = FieldAt(LineOfNode(value), place, text->get(), Field::Of::kAnalysis);
          if (sum.total == nullptr) continue;
        }
      } else {
        Fail(value, place, absl::StrCat("a sum is a field or a whole number, not ", Describe(value)));
        continue;
      }
      layout_.sums.push_back(std::move(sum));
    }
  }

  void ReadRequired(const toml::table& report) {
    const toml::node* node = report.get("required");
    if (node == nullptr) return;
    const std::string place = absl::StrCat(kReport, " required");
    if (!node->is_array()) return Fail(*node, place, absl::StrCat("must be a list of fields, not ", Describe(*node)));
    for (const toml::node& element : *node->as_array()) {
      if (!element.is_string()) {
        Fail(element, place, absl::StrCat("a field must be text, not ", Describe(element)));
        continue;
      }
      const Field* field = FieldAt(LineOfNode(element), place, element.as_string()->get(), Field::Of::kAnalysis);
      if (field != nullptr) layout_.required.push_back(field);
    }
  }

  // A field of that kind of message, which some pattern or column reads; else nullptr.
  const Field* FieldAt(int line, absl::string_view place, absl::string_view name, Field::Of of) {
    const Field* field = FindField(name);
    if (field != nullptr && field->of == of && IsRead(field)) return field;
    Names names;
    for (const Field* known : read_) {
      if (known->of == of) names.push_back(known->name);
    }
    Fail(line, place, absl::StrCat("nothing reads a field \"", name, "\" here", NameHint(name, names)));
    return nullptr;
  }

  TomlErrors& errors_;
  Layout layout_;
  char decimal_ = '.';
  std::vector<const Field*> read_;  // all that some pattern or column reads
  std::size_t rules_ = 0;
};

}  // namespace

Layout ReadLayout(const toml::table& root, TomlErrors& errors) { return LayoutReader(errors).Read(root); }

}  // namespace dims::format
