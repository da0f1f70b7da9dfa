#include "drivers/spectrum/table.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "drivers/text.h"

namespace dims::spectrum {
namespace {

constexpr std::size_t kMostColumns = 256;

// What a column is, if it is one that spectra are plotted over; the later, the better it is for x.
enum class Axis { kNone, kPixel, kWavelength, kWavenumber, kRamanShift };

Axis AxisOf(absl::string_view printed) {
  struct Name {
    absl::string_view beginning;
    Axis axis;
  };
  static constexpr std::array<Name, 16> kNames = {{{"pixel", Axis::kPixel},
                                                   {"raman shift", Axis::kRamanShift},
                                                   {"ramanshift", Axis::kRamanShift},
                                                   {"raman_shift", Axis::kRamanShift},
                                                   {"wavenumber", Axis::kWavenumber},
                                                   {"cm-1", Axis::kWavenumber},
                                                   {"1/cm", Axis::kWavenumber},
                                                   {"wellenzahl", Axis::kWavenumber},
                                                   {"nombre d'onde", Axis::kWavenumber},
                                                   {"wave", Axis::kWavelength},
                                                   {"nm", Axis::kWavelength},
                                                   {"wellenl", Axis::kWavelength},
                                                   {"longueur d'onde", Axis::kWavelength},
                                                   {"longitud de onda", Axis::kWavelength},
                                                   {"lunghezza d'onda", Axis::kWavelength},
                                                   {"golflengte", Axis::kWavelength}}};
  const std::string name = absl::AsciiStrToLower(printed);
  const auto* const found = std::find_if(kNames.begin(), kNames.end(),
                                         [&](const Name& known) { return absl::StartsWith(name, known.beginning); });
  return found == kNames.end() ? Axis::kNone : found->axis;
}

std::string Bare(absl::string_view field) {
  absl::ConsumePrefix(&field, "#");
  if (field.size() > 1 && field.front() == '"' && field.back() == '"') field = field.substr(1, field.size() - 2);
  return std::string(absl::StripAsciiWhitespace(field));
}

bool HasLetter(absl::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalpha(static_cast<unsigned char>(c)) || (static_cast<unsigned char>(c) & 0x80) != 0;
  });
}

// "Wavelength (nm)", "Intensity [counts]": the unit.
absl::string_view UnitIn(absl::string_view name) {
  for (const absl::string_view pair : {"()", "[]"}) {
    const std::size_t open = name.rfind(pair[0]);
    if (open != absl::string_view::npos && name.back() == pair[1]) {
      return name.substr(open + 1, name.size() - open - 2);
    }
  }
  return {};
}

std::string UnitOf(const Header& header, std::size_t field) {
  if (field < header.units.size()) return header.units[field];
  if (field >= header.names.size()) return "";
  const absl::string_view unit = UnitIn(header.names[field]);
  return unit.empty() ? header.names[field] : std::string(unit);
}

}  // namespace

std::optional<Header> ParseHeader(absl::string_view line, char separator, std::size_t fields) {
  std::vector<absl::string_view> split;
  Split(line, separator, split);
  // Some programs put two separators between the names.
  if (fields != 0 && split.size() != fields) {
    split.erase(std::remove(split.begin(), split.end(), absl::string_view()), split.end());
  }
  if (split.size() < 2 || (fields != 0 && split.size() != fields)) return std::nullopt;
  Header header;
  for (const absl::string_view field : split) {
    header.names.push_back(Bare(field));
    if (!HasLetter(field) && !header.names.back().empty()) return std::nullopt;
  }
  return header;
}

bool IsUnits(absl::string_view line, char separator, std::size_t fields) {
  std::vector<absl::string_view> split;
  Split(line, separator, split);
  return split.size() == fields && std::all_of(split.begin(), split.end(), [](absl::string_view field) {
           return field.size() >= 2 && field.front() == '[' && field.back() == ']';
         });
}

std::vector<std::string> UnitsIn(absl::string_view line, char separator) {
  std::vector<absl::string_view> split;
  Split(line, separator, split);
  std::vector<std::string> units;
  for (const absl::string_view field : split) {
    units.emplace_back(absl::StripAsciiWhitespace(field.substr(1, field.size() - 2)));
  }
  return units;
}

bool NamesAnAxis(const Header& header) { return AxisOf(header.names.front()) != Axis::kNone; }

Table::Table(const RowForm& form, const Header& header, dims::v1::SpectrumKind kind, absl::string_view title,
             absl::string_view x_unit, dims::v1::Analysis& analysis)
    : dialect_(form.dialect), fields_(form.fields) {
  if (dialect_.separator == ',') dialect_.decimal = '.';
  std::vector<Axis> axes(fields_, Axis::kNone);
  for (std::size_t i = 0; i < header.names.size() && i < fields_; ++i) axes[i] = AxisOf(header.names[i]);
  const auto best = std::max_element(axes.begin(), axes.end());
  x_ = *best == Axis::kNone ? 0 : static_cast<std::size_t>(best - axes.begin());
  if (kind == dims::v1::SPECTRUM_KIND_UNSPECIFIED && *best == Axis::kRamanShift) {
    kind = dims::v1::SPECTRUM_KIND_RAMAN;
  }
  const bool several = fields_ - 1 > static_cast<std::size_t>(std::count_if(
                                         axes.begin(), axes.end(), [](Axis axis) { return axis != Axis::kNone; }));
  for (std::size_t i = 0; i < fields_ && columns_.size() < kMostColumns; ++i) {
    if (i == x_ || (axes[i] != Axis::kNone && several)) continue;
    dims::v1::Spectrum& spectrum = *analysis.add_spectra();
    spectrum.set_kind(kind);
    if (!title.empty()) {
      spectrum.set_title(std::string(title));
    } else if (i < header.names.size()) {
      spectrum.set_title(header.names[i]);
    }
    spectrum.set_x_unit(x_unit.empty() ? UnitOf(header, x_) : std::string(x_unit));
    spectrum.set_y_unit(UnitOf(header, i));
    columns_.push_back({i, &spectrum});
  }
}

Table::Row Table::Take(absl::string_view line) {
  Split(line, dialect_.separator, split_);
  if (split_.size() != fields_) return Row::kNone;
  if (dialect_.decimal == 0) {
    const RowForm form = FormOf(line, 0);
    if (form.kind != RowKind::kRow) return Row::kNone;
    dialect_.decimal = form.dialect.decimal;
  }
  values_.clear();
  for (const absl::string_view field : split_) {
    values_.push_back(ParseNumber(field, dialect_.decimal));
    if (!values_.back() && !IsNoValue(field)) return Row::kNone;
  }
  ++rows_;
  const std::optional<double> x = values_[x_];
  if (!x) return Row::kTaken;
  for (const Column& column : columns_) {
    if (!values_[column.field]) continue;
    dims::v1::Spectrum& spectrum = *column.spectrum;
    spectrum.add_x(*x);
    spectrum.add_y(*values_[column.field]);
    spectrum.set_points(static_cast<uint64_t>(spectrum.x_size()));
    if (spectrum.x_size() == 1) spectrum.set_first_x(Point(split_[x_]));
    spectrum.set_last_x(Point(split_[x_]));
    ++points_;
  }
  if (first_x_.empty()) {
    first_x_ = std::string(split_[x_]);
    last_ = *x;
    return Row::kTaken;
  }
  const int direction = *x > last_ ? 1 : *x < last_ ? -1 : 0;
  last_ = *x;
  if (direction == 0) return Row::kStill;
  const bool onward = direction_ == 0 || direction == direction_;
  direction_ = onward ? direction : 0;  // one wrong x is said once
  return onward ? Row::kTaken : Row::kBackward;
}

bool Table::RepeatsFirst(absl::string_view line) const {
  return x_ == 0 && rows_ > 1 && absl::ConsumePrefix(&line, first_x_) && !line.empty() &&
         (line[0] == dialect_.separator || absl::ascii_isspace(static_cast<unsigned char>(line[0])));
}

}  // namespace dims::spectrum
