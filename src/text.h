// Texts put together. "+" is compiled anew wherever it stands, which adds up in what a browser
// has to fetch.

#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace holdfast {

std::string joined(std::initializer_list<std::string_view> parts);

}  // namespace holdfast
