import Foundation

/// A writer of 8-bit RGB images (PNG, ISO 15948) that does not compress.
enum PNG {
  /// `rgb` holds height * width * 3 bytes, row by row from the top.
  static func encode(rgb: [UInt8], width: Int, height: Int) -> Data {
    precondition(rgb.count == width * height * 3 && width > 0 && height > 0)
    var raw: [UInt8] = []
    raw.reserveCapacity(rgb.count + height)
    for row in 0..<height {
      // Filter type 0: bytes as they are.
      raw.append(0)
      raw.append(contentsOf: rgb[(row * width * 3)..<((row + 1) * width * 3)])
    }
    var file = Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
    // Bit depth 8, colour type RGB, and the only compression, filter and interlace methods there are.
    file.append(chunk("IHDR", bytes(width) + bytes(height) + [8, 2, 0, 0, 0]))
    file.append(chunk("IDAT", stored(raw)))
    file.append(chunk("IEND", []))
    return file
  }

  // A zlib stream of stored blocks (RFC 1950, 1951), each of at most 65535 bytes.
  private static func stored(_ raw: [UInt8]) -> [UInt8] {
    var stream: [UInt8] = [0x78, 0x01]
    stream.reserveCapacity(raw.count + raw.count / 65535 * 5 + 16)
    for start in stride(from: 0, to: raw.count, by: 65535) {
      let block = raw[start..<min(start + 65535, raw.count)]
      let (low, high) = (UInt8(block.count & 0xFF), UInt8(block.count >> 8))
      stream += [block.endIndex == raw.count ? 1 : 0, low, high, ~low, ~high]
      stream += block
    }
    return stream + bytes(Int(adler32(raw)))
  }

  private static func chunk(_ type: String, _ content: [UInt8]) -> Data {
    let body = Array(type.utf8) + content
    return Data(bytes(content.count) + body + bytes(Int(crc32(body))))
  }

  // Four bytes, most significant first.
  private static func bytes(_ value: Int) -> [UInt8] { [24, 16, 8, 0].map { UInt8(value >> $0 & 0xFF) } }

  static func adler32(_ bytes: [UInt8]) -> UInt32 {
    var (a, b) = (UInt32(1), UInt32(0))
    for byte in bytes {
      a = (a + UInt32(byte)) % 65521
      b = (b + a) % 65521
    }
    return b << 16 | a
  }

  static func crc32(_ bytes: [UInt8]) -> UInt32 {
    let table = (0..<256).map { index in
      var value = UInt32(index)
      for _ in 0..<8 { value = value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1 }
      return value
    }
    var crc = ~UInt32(0)
    for byte in bytes { crc = table[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] ^ (crc >> 8) }
    return ~crc
  }
}
