#include "drivers/spectrum/table.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
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

bool IsPlace(absl::string_view name) {
  for (const absl::string_view place : {"X", "Y", "Z", "Time"}) {
    if (absl::EqualsIgnoreCase(name, place)) return true;
  }
  return false;
}

// Of a header, where a column names one.
std::size_t PlacesBeforeX(const Header& header) {
  std::size_t count = 0;
  while (count < header.names.size() && IsPlace(header.names[count])) ++count;
  if (count == 1 && absl::EqualsIgnoreCase(header.names[0], "Y")) return 0;  // could be a signal
  return count < header.names.size() && AxisOf(header.names[count]) != Axis::kNone ? count : 0;
}

std::optional<Header> NamesIn(const std::vector<absl::string_view>& split) {
  Header header;
  for (const absl::string_view field : split) {
    header.names.push_back(Bare(field));
    if (!HasLetter(field) && !header.names.back().empty()) return std::nullopt;
  }
  // "#Laser=  785nm": a key and its value.
  const absl::string_view first = header.names.empty() ? absl::string_view() : header.names[0];
  if (absl::EndsWith(first, "=") || absl::EndsWith(first, ":")) return std::nullopt;
  return header;
}

// So many fields, or one more that is empty and behind the last separator.
bool CutTo(std::size_t fields, std::vector<absl::string_view>& split) {
  if (split.size() == fields + 1 && split.back().empty()) split.pop_back();
  return split.size() == fields;
}

}  // namespace

std::optional<Header> ParseHeader(absl::string_view line, RowForm& form) {
  std::vector<absl::string_view> split;
  Split(line, form.dialect.separator, split);
  std::vector<absl::string_view> full;  // some programs put two separators between the names
  std::copy_if(split.begin(), split.end(), std::back_inserter(full), [](absl::string_view f) { return !f.empty(); });
  for (std::vector<absl::string_view>* const names : {&split, &full}) {
    if (CutTo(form.fields, *names)) return NamesIn(*names);
    if (form.open_end && CutTo(form.fields + 1, *names)) {
      ++form.fields;
      form.open_end = false;
      return NamesIn(*names);
    }
  }
  return std::nullopt;
}

bool IsUnits(absl::string_view line, const RowForm& form) {
  std::vector<absl::string_view> split;
  Split(line, form.dialect.separator, split);
  if (!split.empty() && split.back().empty()) split.pop_back();
  // Avantes leaves out the last one where it is none.
  const bool fits = split.size() >= 2 && split.size() <= form.fields + (form.open_end ? 1 : 0);
  return fits && std::all_of(split.begin(), split.end(), [](absl::string_view field) {
           return field.size() >= 2 && field.front() == '[' && field.back() == ']';
         });
}

std::vector<std::string> UnitsIn(absl::string_view line, char separator) {
  std::vector<absl::string_view> split;
  Split(line, separator, split);
  std::vector<std::string> units;
  for (const absl::string_view field : split) {
    if (field.size() >= 2) units.emplace_back(absl::StripAsciiWhitespace(field.substr(1, field.size() - 2)));
  }
  return units;
}

bool NamesAnAxis(const Header& header) { return AxisOf(header.names[PlacesBeforeX(header)]) != Axis::kNone; }

Table::Table(const RowForm& form, const Header& header, const About& about, dims::v1::Analysis& analysis)
    : dialect_(form.dialect), fields_(form.fields) {
  if (about.decimal != 0) dialect_.decimal = about.decimal;
  if (dialect_.decimal == 0 && dialect_.separator == ',' && !form.quoted) dialect_.decimal = '.';
  std::vector<Axis> axes(fields_, Axis::kNone);
  for (std::size_t i = 0; i < header.names.size() && i < fields_; ++i) axes[i] = AxisOf(header.names[i]);
  const Axis best = *std::max_element(axes.begin(), axes.end());
  const auto count =
      static_cast<std::size_t>(std::count_if(axes.begin(), axes.end(), [](Axis axis) { return axis != Axis::kNone; }));
  const std::size_t places = PlacesBeforeX(header);
  for (std::size_t i = 0; i < places && places + count < fields_; ++i) places_.push_back({i, header.names[i], ""});
  // Every axis with what follows it is one set, where something does.
  bool followed = true;
  for (std::size_t i = 0; i < fields_; ++i) {
    const bool is_x = best == Axis::kNone ? i == 0 : axes[i] == best;
    if (is_x && std::exchange(followed, false)) xs_.push_back(X{i});
    followed |= best != Axis::kNone && axes[i] == Axis::kNone;
  }
  const bool own_x = xs_.size() > 1;
  if (own_x && axes[fields_ - 1] == best) {  // "A,nm,B,nm": to its left stands another's x
    left_out_ = LeftOut::kNoX;
    return;
  }
  std::vector<std::string> titles = TitlesIn(own_x ? about.above : "");
  const dims::v1::SpectrumKind kind = about.kind == dims::v1::SPECTRUM_KIND_UNSPECIFIED && best == Axis::kRamanShift
                                          ? dims::v1::SPECTRUM_KIND_RAMAN
                                          : about.kind;
  std::size_t x = 0;
  for (std::size_t i = places_.size(); i < fields_; ++i) {
    if (x + 1 < xs_.size() && xs_[x + 1].field == i) ++x;
    if (i == xs_[x].field || (axes[i] != Axis::kNone && fields_ > count)) continue;
    if (own_x && i < xs_[0].field) {
      left_out_ = LeftOut::kNoX;
      continue;
    }
    if (columns_.size() == kMostColumns) {
      left_out_ = LeftOut::kTooMany;
      break;
    }
    dims::v1::Spectrum& spectrum = *analysis.add_spectra();
    spectrum.set_kind(kind);
    if (!about.title.empty()) {
      spectrum.set_title(about.title);
    } else if (!titles.empty()) {
      spectrum.set_title(titles[x]);
    } else if (i < header.names.size()) {
      spectrum.set_title(header.names[i]);
    }
    spectrum.set_x_unit(about.x_unit.empty() ? UnitOf(header, xs_[x].field) : about.x_unit);
    spectrum.set_y_unit(about.y_unit.empty() ? UnitOf(header, i) : about.y_unit);
    columns_.push_back({i, x, &spectrum});
  }
}

// One for each x, over it or over what follows it; none where that is not so.
std::vector<std::string> Table::TitlesIn(absl::string_view above) const {
  std::vector<absl::string_view> split;
  Split(above, dialect_.separator, split);
  std::vector<std::string> titles(xs_.size());
  for (std::size_t i = 0, x = 0; i < split.size(); ++i) {
    if (x + 1 < xs_.size() && xs_[x + 1].field == i) ++x;
    if (split[i].empty()) continue;
    if (i >= fields_ || !titles[x].empty()) return {};
    titles[x] = std::string(split[i]);
  }
  const bool all = std::none_of(titles.begin(), titles.end(), [](const std::string& title) { return title.empty(); });
  return all ? titles : std::vector<std::string>();
}

bool Table::BeginsAgain() const {
  if (rows_ == 0) return false;
  for (const Place& place : places_) {
    if (split_[place.field] != place.value) return true;
  }
  // A sweep that goes forth and back comes there, too, and turns nowhere.
  const X& x = xs_[0];
  if (rows_ < 2 || x.direction == 0 || split_[x.field] != x.first || !values_[x.field]) return false;
  return *values_[x.field] != x.last && (*values_[x.field] > x.last) != (x.direction > 0);
}

std::size_t Table::BeginAgain(dims::v1::Analysis& analysis) {
  std::size_t names = 0;
  for (Column& column : columns_) {
    dims::v1::Spectrum& next = *analysis.add_spectra();
    next.set_kind(column.spectrum->kind());
    next.set_title(column.spectrum->title());
    next.set_x_unit(column.spectrum->x_unit());
    next.set_y_unit(column.spectrum->y_unit());
    names += next.title().size() + next.x_unit().size() + next.y_unit().size();
    column.spectrum = &next;
  }
  for (X& x : xs_) x = X{x.field};
  rows_ = points_ = 0;
  return names;
}

// With the first row.
void Table::Open() {
  std::string page;
  for (Place& place : places_) {
    place.value = std::string(split_[place.field]);
    absl::StrAppend(&page, page.empty() ? "" : ", ", place.name, "=", Point(place.value));
  }
  for (const Column& column : columns_) column.spectrum->set_page(page);
}

Table::Row Table::Follow(X& x, double value, absl::string_view printed) const {
  if (x.first.empty()) {
    x.first = std::string(printed);
    x.last = value;
    return Row::kTaken;
  }
  const int direction = value > x.last ? 1 : value < x.last ? -1 : 0;
  x.last = value;
  if (direction == 0) return Row::kStill;
  const bool onward = x.direction == 0 || direction == x.direction;
  x.direction = onward ? direction : 0;  // one wrong x is said once
  return onward ? Row::kTaken : Row::kBackward;
}

Table::Row Table::Take(absl::string_view line, bool may_begin_again) {
  Split(line, dialect_.separator, split_);
  if (!CutTo(fields_, split_)) return Row::kNone;
  const auto has_mark = [](absl::string_view field) { return field.find_first_of(".,") != absl::string_view::npos; };
  if (dialect_.decimal == 0 && std::any_of(split_.begin(), split_.end(), has_mark)) {
    const RowForm form = FormOf(line, 0);
    if (form.dialect.separator != dialect_.separator || form.kind == RowKind::kNone) return Row::kNone;
    if (form.kind == RowKind::kUnclear) return Row::kUnclear;
    dialect_.decimal = form.dialect.decimal;
  }
  values_.clear();
  bool any = false;
  for (const absl::string_view field : split_) {
    values_.push_back(ParseNumber(field, dialect_.decimal));
    any |= values_.back().has_value();
    if (!values_.back() && !IsNoValue(field)) return Row::kNone;
  }
  if (!any) return Row::kNone;
  if (may_begin_again && BeginsAgain()) return Row::kAgain;
  if (rows_++ == 0) Open();
  Row row = Row::kTaken;
  for (X& x : xs_) {
    if (values_[x.field]) row = std::max(row, Follow(x, *values_[x.field], split_[x.field]));
  }
  for (const Column& column : columns_) {
    const std::optional<double>&x = values_[xs_[column.x].field], &y = values_[column.field];
    if (!x || !y) continue;
    const absl::string_view printed = split_[xs_[column.x].field];
    dims::v1::Spectrum& spectrum = *column.spectrum;
    spectrum.add_x(*x);
    spectrum.add_y(*y);
    spectrum.set_points(static_cast<uint64_t>(spectrum.x_size()));
    if (spectrum.x_size() == 1) spectrum.set_first_x(Point(printed));
    spectrum.set_last_x(Point(printed));
    ++points_;
  }
  return row;
}

bool Table::RepeatsFirst(absl::string_view line) const {
  absl::ConsumePrefix(&line, "\"");
  return xs_.size() == 1 && xs_[0].field == 0 && !xs_[0].first.empty() && rows_ > 1 &&
         absl::ConsumePrefix(&line, xs_[0].first) && !line.empty() &&
         (line[0] == dialect_.separator || line[0] == '"' || absl::ascii_isspace(static_cast<unsigned char>(line[0])));
}

}  // namespace dims::spectrum
