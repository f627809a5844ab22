import Foundation

/// A file written and read with nothing but the system's calls: the limit for everything else.
enum RawFile {
  static func write(_ pieces: [[UInt16]], to path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o666)
    guard descriptor >= 0 else { throw POSIXError(.EIO) }
    defer { close(descriptor) }
    for piece in pieces {
      try piece.withUnsafeBytes { bytes in
        guard Foundation.write(descriptor, bytes.baseAddress, bytes.count) == bytes.count else {
          throw POSIXError(.EIO)
        }
      }
    }
  }

  /// Reads piece by piece into one buffer, which stays in the processor's reach.
  static func read(_ path: String, pieceByteCount: Int) throws {
    let descriptor = open(path, O_RDONLY)
    guard descriptor >= 0 else { throw POSIXError(.EIO) }
    defer { close(descriptor) }
    var piece = [UInt8](repeating: 0, count: pieceByteCount)
    while Foundation.read(descriptor, &piece, pieceByteCount) > 0 {}
  }
}
