#include "drivers/spectrum/map.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "drivers/text.h"

namespace dims::spectrum {
namespace {

constexpr std::size_t kMostPlaces = 3, kLeastPoints = 32;
constexpr std::size_t kLongestPlace = 32;

}  // namespace

std::optional<Map> Map::Begin(absl::string_view line, char decimal) {
  const std::size_t places = line.find_first_not_of('\t');
  if (places == 0 || places == absl::string_view::npos || places > kMostPlaces) return std::nullopt;
  const RowForm form = FormOf(line.substr(places), decimal);
  if (form.kind != RowKind::kRow || form.dialect.separator != '\t' || form.fields < kLeastPoints) return std::nullopt;
  Map map;
  map.dialect_ = form.dialect;
  map.places_ = places;
  std::vector<absl::string_view> fields;
  Split(line.substr(places), '\t', fields);
  fields.resize(form.fields);
  for (const absl::string_view field : fields) {
    const std::optional<double> x = ParseNumber(field, form.dialect.decimal);
    if (!x) return std::nullopt;
    const std::size_t count = map.x_.size();
    if (count > 0 && *x == map.x_.back()) return std::nullopt;
    if (count > 1 && (*x > map.x_.back()) != (map.x_[1] > map.x_[0])) return std::nullopt;
    map.x_.push_back(*x);
  }
  map.first_x_ = Point(fields.front());
  map.last_x_ = Point(fields.back());
  if (decimal != 0) map.dialect_.decimal = decimal;
  return map;
}

bool Map::Take(absl::string_view line, dims::v1::SpectrumKind kind, dims::v1::Analysis& analysis) {
  std::vector<absl::string_view> fields;
  Split(line, '\t', fields);
  const std::size_t cells = places_ + x_.size();
  if (fields.size() == cells + 1 && fields.back().empty()) fields.pop_back();
  if (fields.size() != cells) return false;
  if (dialect_.decimal == 0) {
    const RowForm form = FormOf(line, 0);
    if (form.kind != RowKind::kRow || form.dialect.separator != '\t') return false;
    dialect_.decimal = form.dialect.decimal;
  }
  std::string page;
  for (std::size_t i = 0; i < places_; ++i) {
    if (!ParseNumber(fields[i], dialect_.decimal) || fields[i].size() > kLongestPlace) return false;
    absl::StrAppend(&page, i == 0 ? "" : ", ", Point(fields[i]));
  }
  dims::v1::Spectrum spectrum;
  for (std::size_t i = 0; i < x_.size(); ++i) {
    const absl::string_view field = fields[places_ + i];
    const std::optional<double> y = ParseNumber(field, dialect_.decimal);
    if (!y && !IsNoValue(field)) return false;
    if (!y) continue;
    spectrum.add_x(x_[i]);
    spectrum.add_y(*y);
  }
  spectrum.set_kind(kind);
  spectrum.set_page(page);
  spectrum.set_points(static_cast<uint64_t>(spectrum.x_size()));
  if (spectrum.x_size() == static_cast<int>(x_.size())) {
    spectrum.set_first_x(first_x_);
    spectrum.set_last_x(last_x_);
  }
  points_ += spectrum.points();
  ++rows_;
  *analysis.add_spectra() = std::move(spectrum);
  return true;
}

}  // namespace dims::spectrum
