#include "drivers/jcamp/header.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "drivers/cas.h"
#include "drivers/jcamp/record.h"
#include "drivers/text.h"

namespace dims::jcamp {
namespace {

using dims::v1::SpectrumKind;
using dims::v1::Technique;

struct Name {
  absl::string_view name;
  Label label;
};
constexpr bool operator<(const Name& a, const Name& b) { return a.name < b.name; }

// Sorted.
constexpr Name kNames[] = {
    {".INLET", Label::kInlet},
    {"AFACTOR", Label::kYFactor},
    {"AUNITS", Label::kYUnits},
    {"BLOCKS", Label::kBlocks},
    {"CASNAME", Label::kCasName},
    {"CASREGISTRYNO", Label::kCasNumber},
    {"DATATYPE", Label::kDataType},
    {"DATE", Label::kDate},
    {"DELTAR", Label::kDeltaX},
    {"DELTAX", Label::kDeltaX},
    {"FACTOR", Label::kFactor},
    {"FIRST", Label::kFirst},
    {"FIRSTA", Label::kFirstY},
    {"FIRSTR", Label::kFirstX},
    {"FIRSTX", Label::kFirstX},
    {"FIRSTY", Label::kFirstY},
    {"JCAMPCS", Label::kStructure},
    {"LAST", Label::kLast},
    {"LASTR", Label::kLastX},
    {"LASTX", Label::kLastX},
    {"LASTY", Label::kRange},
    {"LONGDATE", Label::kLongDate},
    {"MAXX", Label::kRange},
    {"MAXY", Label::kRange},
    {"MINX", Label::kRange},
    {"MINY", Label::kRange},
    {"MOLFORM", Label::kFormula},
    {"NAMES", Label::kNames},
    {"NPOINTS", Label::kPoints},
    {"RFACTOR", Label::kXFactor},
    {"RUNITS", Label::kXUnits},
    {"SAMPLEDESCRIPTION", Label::kSampleDescription},
    {"SOURCEREFERENCE", Label::kSource},
    {"SPECTROMETERDATASYSTEM", Label::kSystem},
    {"SYMBOL", Label::kSymbol},
    {"TIME", Label::kTime},
    {"TITLE", Label::kTitle},
    {"UNITS", Label::kUnits},
    {"VARDIM", Label::kVarDim},
    {"VARNAME", Label::kVarName},
    {"VARTYPE", Label::kVarType},
    {"XFACTOR", Label::kXFactor},
    {"XUNITS", Label::kXUnits},
    {"YFACTOR", Label::kYFactor},
    {"YUNITS", Label::kYUnits},
};
static_assert(std::is_sorted(std::begin(kNames), std::end(kNames)));

// "C:\GCMSsolution\Data\run1.qgd"
bool IsPath(absl::string_view text) {
  return (text.size() > 3 && absl::ascii_isalpha(text[0]) && text[1] == ':' && (text[2] == '\\' || text[2] == '/')) ||
         absl::StartsWith(text, "\\\\");
}

// Two numbers at least: "Not specified, most likely prior to 1970" is no date.
bool IsDate(absl::string_view text) {
  int numbers = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    numbers += IsDigit(text[i]) && (i == 0 || !IsDigit(text[i - 1])) ? 1 : 0;
  }
  return numbers >= 2;
}

// The blocks of a LINK have it, too.
bool IsOfParts(Label label) {
  switch (label) {
    case Label::kCasName:
    case Label::kCasNumber:
    case Label::kDate:
    case Label::kFormula:
    case Label::kInlet:
    case Label::kLongDate:
    case Label::kNames:
    case Label::kSystem:
    case Label::kTime:
      return true;
    default:
      return false;
  }
}

// As a number is written elsewhere; what is none, as it is.
std::string Numeral(absl::string_view text) { return ParseNumber(text) ? Point(text) : std::string(text); }

}  // namespace

std::optional<Label> LabelOf(absl::string_view label) {
  const auto* const it = std::lower_bound(std::begin(kNames), std::end(kNames), Name{label, {}});
  if (it == std::end(kNames) || it->name != label) return std::nullopt;
  return it->label;
}

void Header::Set(Label label, std::string value) {
  if (label == Label::kRange && !HasDecimalComma(value)) return;
  values_[static_cast<std::size_t>(label)] = std::move(value);
}

// But for "4,000", which may be four thousand.
bool Header::has_decimal_commas() const {
  for (const Label label : {Label::kDeltaX, Label::kFirstX, Label::kFirstY, Label::kLastX, Label::kRange,
                            Label::kXFactor, Label::kYFactor}) {
    const absl::string_view value = (*this)[label];
    const std::size_t comma = value.find(',');
    if (!HasDecimalComma(value) || absl::StrContains(value, '.') || !ParseNumber(value)) continue;
    if (value.size() - comma - 1 != 3 || value.substr(0, comma).find_first_of("123456789") == absl::string_view::npos)
      return true;
  }
  return false;
}

void Header::ClearTuples() {
  for (const Label label : {Label::kSymbol, Label::kVarName, Label::kVarType, Label::kVarDim, Label::kUnits,
                            Label::kFirst, Label::kLast, Label::kFactor}) {
    Set(label, "");
  }
}

absl::string_view Header::operator[](Label label) const {
  const std::string& value = values_[static_cast<std::size_t>(label)];
  return value.empty() && link_ != nullptr && IsOfParts(label) ? (*link_)[label] : absl::string_view(value);
}

bool Header::is_link() const {
  const absl::string_view type = (*this)[Label::kDataType];
  return absl::EqualsIgnoreCase(type, "LINK") || (type.empty() && !(*this)[Label::kBlocks].empty());
}

SpectrumKind Header::kind() const {
  const std::string type = absl::AsciiStrToUpper((*this)[Label::kDataType]);
  const auto has = [&](absl::string_view word) { return absl::StrContains(type, word); };
  if (has("NMR")) return dims::v1::SPECTRUM_KIND_NMR;
  if (has("CHROMATOGRA")) return dims::v1::SPECTRUM_KIND_CHROMATOGRAM;
  if (has("MASS")) return dims::v1::SPECTRUM_KIND_MASS;
  if (has("RAMAN")) return dims::v1::SPECTRUM_KIND_RAMAN;
  if (has("INTERFEROGRAM")) return dims::v1::SPECTRUM_KIND_UNSPECIFIED;
  if (has("INFRARED") || has("FTIR") || has("FT-IR")) return dims::v1::SPECTRUM_KIND_INFRARED;
  if (has("FLUORESC")) return dims::v1::SPECTRUM_KIND_FLUORESCENCE;
  if (absl::StartsWith(type, "UV") || has("ULTRAVIOLET")) return dims::v1::SPECTRUM_KIND_UV_VIS;
  return dims::v1::SPECTRUM_KIND_UNSPECIFIED;
}

Technique Header::technique() const {
  const std::string said = absl::AsciiStrToUpper(absl::StrCat((*this)[Label::kDataType], " ", (*this)[Label::kSystem]));
  const auto has = [&](absl::string_view word) { return absl::StrContains(said, word); };
  const absl::string_view inlet = (*this)[Label::kInlet];
  switch (kind()) {
    case dims::v1::SPECTRUM_KIND_MASS:
      if (absl::StartsWithIgnoreCase(inlet, "GC")) return dims::v1::TECHNIQUE_GC_MS;
      if (absl::StartsWithIgnoreCase(inlet, "LC")) return dims::v1::TECHNIQUE_LC_MS;
      return dims::v1::TECHNIQUE_MS;
    case dims::v1::SPECTRUM_KIND_NMR:
      return dims::v1::TECHNIQUE_NMR;
    case dims::v1::SPECTRUM_KIND_RAMAN:
      return dims::v1::TECHNIQUE_RAMAN;
    case dims::v1::SPECTRUM_KIND_UV_VIS:
      return dims::v1::TECHNIQUE_UV_VIS;
    case dims::v1::SPECTRUM_KIND_CHROMATOGRAM:
      if (has("GAS ")) return dims::v1::TECHNIQUE_GC;
      return has("LIQUID ") || has("HPLC") ? dims::v1::TECHNIQUE_LC : dims::v1::TECHNIQUE_UNSPECIFIED;
    default:
      // An infrared spectrum may be a dispersive one.
      if (has("INFRARED INTERFEROGRAM") || has("FTIR") || has("FT-IR") || has("FT IR")) {
        return dims::v1::TECHNIQUE_FTIR;
      }
      return dims::v1::TECHNIQUE_UNSPECIFIED;
  }
}

Axes Header::AxesOfBlock() const {
  Axes axes;
  axes.first_x = NumberOf(Label::kFirstX);
  axes.last_x = NumberOf(Label::kLastX);
  axes.delta_x = NumberOf(Label::kDeltaX);
  axes.first_y = NumberOf(Label::kFirstY);
  if (const auto points = NumberOf(Label::kPoints)) axes.points = points->value;
  if (const auto factor = NumberOf(Label::kXFactor)) axes.x_factor = factor->value;
  if (const auto factor = NumberOf(Label::kYFactor)) axes.y_factor = factor->value;
  axes.has_decimal_commas = has_decimal_commas();
  return axes;
}

Axes Header::AxesOfTuple(const Form& form) const {
  Axes axes;
  axes.first_x = ParseNumber(OfVariable(Label::kFirst, form.x));
  axes.last_x = ParseNumber(OfVariable(Label::kLast, form.x));
  axes.first_y = ParseNumber(OfVariable(Label::kFirst, form.y));
  if (const auto points = NumberOf(Label::kPoints)) {
    axes.points = points->value;
  } else if (const auto size = ParseNumber(OfVariable(Label::kVarDim, form.y))) {
    // Of a spectrum over two frequencies, it may be the size of the plane; a page is one row of it.
    const auto row = ParseNumber(OfVariable(Label::kVarDim, form.x));
    axes.points = row && row->value > 0 && row->value < size->value && size->value == Grid() ? row->value : size->value;
  }
  if (const auto factor = ParseNumber(OfVariable(Label::kFactor, form.x))) axes.x_factor = factor->value;
  if (const auto factor = ParseNumber(OfVariable(Label::kFactor, form.y))) axes.y_factor = factor->value;
  return axes;
}

double Header::Grid() const {
  const std::vector<absl::string_view> types = Parts((*this)[Label::kVarType]), sizes = Parts((*this)[Label::kVarDim]);
  double grid = 1;
  for (std::size_t i = 0; i < types.size() && i < sizes.size(); ++i) {
    if (!absl::EqualsIgnoreCase(types[i], "INDEPENDENT")) continue;
    const auto size = ParseNumber(sizes[i]);
    grid *= size ? size->value : 0;
  }
  return grid;
}

absl::string_view Header::OfVariable(Label label, absl::string_view symbol) const {
  const std::vector<absl::string_view> symbols = Parts((*this)[Label::kSymbol]), parts = Parts((*this)[label]);
  for (std::size_t i = 0; i < symbols.size() && i < parts.size(); ++i) {
    if (absl::EqualsIgnoreCase(symbols[i], symbol)) return parts[i];
  }
  return {};
}

void Header::DescribeAny(dims::v1::Spectrum& spectrum) const {
  const absl::string_view title = (*this)[Label::kTitle];
  spectrum.set_kind(kind());
  spectrum.set_title(std::string(IsPath(title) ? FileName(title) : title));
}

void Header::DescribeBlock(dims::v1::Spectrum& spectrum) const {
  DescribeAny(spectrum);
  absl::string_view x_unit = (*this)[Label::kXUnits], y_unit = (*this)[Label::kYUnits];
  if (const absl::string_view both = (*this)[Label::kUnits]; !both.empty()) {
    const std::vector<absl::string_view> units = Parts(both);
    if (x_unit.empty()) x_unit = units[0];
    if (y_unit.empty() && units.size() > 1) y_unit = units[1];
  }
  spectrum.set_x_unit(std::string(x_unit));
  spectrum.set_y_unit(std::string(y_unit));
  spectrum.set_first_x(Numeral((*this)[Label::kFirstX]));
  spectrum.set_last_x(Numeral((*this)[Label::kLastX]));
}

void Header::DescribeTuple(const Form& form, dims::v1::Spectrum& spectrum) const {
  DescribeAny(spectrum);
  spectrum.set_x_unit(std::string(OfVariable(Label::kUnits, form.x)));
  spectrum.set_y_unit(std::string(OfVariable(Label::kUnits, form.y)));
  spectrum.set_variable(std::string(OfVariable(Label::kVarName, form.y)));
  spectrum.set_first_x(Numeral(OfVariable(Label::kFirst, form.x)));
  spectrum.set_last_x(Numeral(OfVariable(Label::kLast, form.x)));
}

void Header::Describe(bool title_is_sample, uint64_t at, OpenReport& out, dims::v1::Analysis& analysis) const {
  if (title_is_sample) analysis.set_sample_number(std::string((*this)[Label::kTitle]));
  analysis.set_technique(technique());
  for (const Label label : {Label::kSource, Label::kSampleDescription}) {
    if (analysis.data_file().empty() && IsPath((*this)[label])) {
      analysis.set_data_file(std::string(FileName((*this)[label])));
    }
  }
  absl::string_view date = (*this)[Label::kLongDate];
  if (date.empty()) date = (*this)[Label::kDate];
  if (IsDate(date)) {
    const absl::string_view time = absl::StrContains(date, ':') ? "" : (*this)[Label::kTime];
    analysis.set_acquired_at_printed(time.empty() ? std::string(date) : absl::StrCat(date, " ", time));
  }
  absl::string_view name = (*this)[Label::kCasName];
  if (name.empty()) name = (*this)[Label::kNames];
  std::string number((*this)[Label::kCasNumber]);
  number.erase(std::remove(number.begin(), number.end(), ' '), number.end());
  const std::optional<Cas> cas = ParseCas(number);
  const absl::string_view formula = (*this)[Label::kFormula];
  const bool has_number = cas && cas->kind != Cas::kAbsent;
  if (cas && cas->kind == Cas::kWrongCheckDigit) {
    out.Add(dims::v1::PROBLEM_TYPE_INCONSISTENT, at,
            absl::StrCat("the check digit of CAS number ", cas->number, " is wrong"));
  }
  if (name.empty() && !has_number && formula.empty()) return;
  dims::v1::Finding& finding = *analysis.add_findings();
  finding.set_label(std::string(name));
  if (has_number) finding.set_cas(cas->number);
  if (formula.empty()) return;
  dims::v1::Identification& identification = *finding.add_identifications();
  identification.set_rank(1);
  identification.set_label(std::string(name));
  if (has_number) identification.set_cas(cas->number);
  identification.set_formula(std::string(formula));
}

}  // namespace dims::jcamp
