// A stream of bytes and what is written to it, as the runtime's sources use them. The apache-tvm wheel ships those
// sources but not this header. Values are little-endian as they lie in memory; a container is its length and its items.
#pragma once

#include <dlpack/dlpack.h>
#include <tvm/ffi/container/array.h>
#include <tvm/ffi/container/map.h>
#include <tvm/ffi/string.h>

#include <cstdint>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

namespace tvm::support {

template <typename T, typename Enable = void>
struct Serializer;

class Stream {
 public:
  virtual ~Stream() = default;
  virtual size_t Read(void* to, size_t size) = 0;
  virtual size_t Write(const void* from, size_t size) = 0;

  template <typename T>
  void Write(const T& value) {
    Serializer<T>::Write(this, value);
  }
  template <typename T>
  bool Read(T* value) {
    return Serializer<T>::Read(this, value);
  }
  template <typename T>
  void WriteArray(const T* items, size_t n) {
    for (size_t i = 0; i < n; ++i) Write(items[i]);
  }
  template <typename T>
  bool ReadArray(T* items, size_t n) {
    for (size_t i = 0; i < n; ++i) {
      if (!Read(items + i)) return false;
    }
    return true;
  }
};

template <typename T>
inline constexpr bool is_plain =
    std::is_arithmetic_v<T> || std::is_enum_v<T> || std::is_same_v<T, DLDataType> || std::is_same_v<T, DLDevice>;

template <typename T>
struct Serializer<T, std::enable_if_t<is_plain<T>>> {
  static constexpr bool enabled = true;
  static void Write(Stream* stream, const T& value) { stream->Write(static_cast<const void*>(&value), sizeof(T)); }
  static bool Read(Stream* stream, T* value) {
    return stream->Read(static_cast<void*>(value), sizeof(T)) == sizeof(T);
  }
};

template <>
struct Serializer<std::string> {
  static constexpr bool enabled = true;
  static void Write(Stream* stream, const std::string& value) {
    stream->Write<uint64_t>(value.size());
    stream->Write(static_cast<const void*>(value.data()), value.size());
  }
  static bool Read(Stream* stream, std::string* value) {
    uint64_t size;
    if (!stream->Read(&size)) return false;
    value->resize(size);
    return stream->Read(static_cast<void*>(value->data()), size) == size;
  }
};

template <typename T>
struct TextSerializer {
  static constexpr bool enabled = true;
  static void Write(Stream* stream, const T& value) { stream->Write(std::string(value.data(), value.size())); }
  static bool Read(Stream* stream, T* value) {
    std::string text;
    if (!stream->Read(&text)) return false;
    *value = T(text);
    return true;
  }
};
template <>
struct Serializer<ffi::String> : TextSerializer<ffi::String> {};
template <>
struct Serializer<ffi::Bytes> : TextSerializer<ffi::Bytes> {};

template <typename T>
struct Serializer<std::vector<T>> {
  static constexpr bool enabled = true;
  static void Write(Stream* stream, const std::vector<T>& value) {
    stream->Write<uint64_t>(value.size());
    for (const T& item : value) stream->Write(item);
  }
  static bool Read(Stream* stream, std::vector<T>* value) {
    uint64_t n;
    if (!stream->Read(&n)) return false;
    value->resize(n);
    return stream->ReadArray(value->data(), n);
  }
};

template <typename T>
struct Serializer<ffi::Array<T>> {
  static constexpr bool enabled = true;
  static void Write(Stream* stream, const ffi::Array<T>& value) {
    stream->Write<uint64_t>(value.size());
    for (const T& item : value) stream->Write(item);
  }
  static bool Read(Stream* stream, ffi::Array<T>* value) {
    std::vector<T> items;
    if (!stream->Read(&items)) return false;
    *value = ffi::Array<T>(items.begin(), items.end());
    return true;
  }
};

template <typename M>
struct MapSerializer {
  static constexpr bool enabled = true;
  static void Write(Stream* stream, const M& value) {
    stream->Write<uint64_t>(value.size());
    for (const auto& item : value) {
      stream->Write(item.first);
      stream->Write(item.second);
    }
  }
  template <typename K, typename V, typename Insert>
  static bool ReadInto(Stream* stream, V blank, Insert insert) {
    uint64_t n;
    if (!stream->Read(&n)) return false;
    for (; n > 0; --n) {
      K key;
      V item = blank;
      if (!stream->Read(&key) || !stream->Read(&item)) return false;
      insert(key, item);
    }
    return true;
  }
};

template <typename K, typename V>
struct Serializer<std::unordered_map<K, V>> : MapSerializer<std::unordered_map<K, V>> {
  using Map = std::unordered_map<K, V>;
  static bool Read(Stream* stream, Map* value) {
    return MapSerializer<Map>::template ReadInto<K, V>(stream, V(), [&](K k, V v) { value->emplace(k, v); });
  }
};
template <typename K, typename V>
struct Serializer<ffi::Map<K, V>> : MapSerializer<ffi::Map<K, V>> {
  using Map = ffi::Map<K, V>;
  static bool Read(Stream* stream, Map* value) {
    V blank{ffi::UnsafeInit{}};
    return MapSerializer<Map>::template ReadInto<K, V>(stream, blank, [&](K k, V v) { value->Set(k, v); });
  }
};

}  // namespace tvm::support
