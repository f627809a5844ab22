import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A journal's bytes on disk, held under a lock until this object ends or the file becomes a trace.
///
/// Whoever records, recovers or finishes holds it alone; others are refused meanwhile.
final class JournalFile: Sendable {
  let path: String
  /// Bytes at the front in which a trace has its superblock, and a journal nothing.
  static let reservedByteCount = HDF5Image.superblockByteCount
  /// Bytes that were appended completely, or at opening the file's size.
  var byteCount: Int { sizes.withLock { $0.written } }
  /// Bytes that are known to be on the disk.
  var syncedByteCount: Int { sizes.withLock { $0.synced } }
  /// Whether it has been given a trace's name.
  var isTrace: Bool { sizes.withLock { $0.isTrace } }
  private let sizes = Mutex((written: 0, synced: 0, begun: 0, isTrace: false))
  private let descriptor: Int32

  /// Takes a new, empty file; throws `exists` when there is one that may not be overwritten, and
  /// `inUse` when another recording holds it.
  init(creating path: String, overwrite: Bool) throws(TraceError) {
    self.path = path
    descriptor = try Self.open(path, O_RDWR | O_CREAT)
    try requireLock("another recording is being written to this journal")
    guard try size() == 0 || overwrite else {
      throw TraceError(
        .exists, path: path,
        "this is the journal of an unfinished recording; turn it into a trace with 'wctrace recover', "
          + "or pass --force to replace it")
    }
    guard ftruncate(descriptor, 0) == 0 else { throw failure("the file cannot be emptied") }
    sizes.withLock { $0.written = Self.reservedByteCount }
  }

  /// Opens a journal for reading, or also for `writing`; throws `missing`, `inUse` or `inputOutput`.
  init(opening path: String, writing: Bool = false) throws(TraceError) {
    self.path = path
    guard FileSystem.kind(of: path) != .nothing else {
      throw FileSystem.absence(of: path)
    }
    guard FileSystem.kind(of: path) == .file else {
      throw TraceError(.notATrace, path: path, "this is not a regular file")
    }
    descriptor = try Self.open(path, writing ? O_RDWR : O_RDONLY)
    try requireLock("the recording is still being written; wait until it ends")
    let size = try size()
    sizes.withLock { $0.written = size }
  }

  deinit {
    close(descriptor)
  }

  private static func open(_ path: String, _ flags: Int32) throws(TraceError) -> Int32 {
    while true {
      #if canImport(Glibc)
        let descriptor = Glibc.open(path, flags | O_CLOEXEC, 0o666)
      #elseif canImport(Musl)
        let descriptor = Musl.open(path, flags | O_CLOEXEC, 0o666)
      #else
        let descriptor = Darwin.open(path, flags | O_CLOEXEC, 0o666)
      #endif
      if descriptor >= 0 { return descriptor }
      guard errno == EINTR else { throw FileSystem.failure(path, "the journal cannot be opened here") }
    }
  }

  // Locks the file, and makes sure that its name still leads to it: whoever held it may have removed it.
  private func requireLock(_ refusal: String) throws(TraceError) {
    var own = stat()
    var named = stat()
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, fstat(descriptor, &own) == 0, stat(path, &named) == 0,
      own.st_ino == named.st_ino, own.st_dev == named.st_dev
    else { throw TraceError(.inUse, path: path, refusal) }
  }

  private func size() throws(TraceError) -> Int {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure("the journal cannot be read") }
    return Int(status.st_size)
  }

  /// Adds pieces at the end, in one write unless there are over 1000 or the system splits it.
  func append(_ pieces: [UnsafeRawBufferPointer]) throws(TraceError) {
    let start = byteCount
    try write(pieces, at: start)
    sizes.withLock { $0.written = pieces.reduce(start) { $0 + $1.count } }
  }

  private func write(_ pieces: [UnsafeRawBufferPointer], at start: Int) throws(TraceError) {
    var rest = pieces.filter { !$0.isEmpty }[...]
    var offset = start
    while let first = rest.first {
      let vectors = rest.prefix(1000).map {
        iovec(iov_base: UnsafeMutableRawPointer(mutating: $0.baseAddress), iov_len: $0.count)
      }
      var count = pwritev(descriptor, vectors, Int32(vectors.count), off_t(offset))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw failure("the system refused to write") }
      offset += count
      var piece = first
      while count >= piece.count {
        count -= piece.count
        rest = rest.dropFirst()
        guard let next = rest.first else { break }
        piece = next
      }
      if count > 0 { rest[rest.startIndex] = UnsafeRawBufferPointer(rebasing: piece[count...]) }
    }
  }

  /// Takes away what lies beyond the last commit, unless this is a trace; tidiness alone, so that failing is no
  /// error: it would be dropped when reading.
  func cut(to byteCount: Int) {
    if !isTrace { _ = ftruncate(descriptor, off_t(byteCount)) }
  }

  /// Adds the bytes of another journal up to `end`, but for those in front that it reserves.
  func append(_ end: Int, of other: JournalFile) throws(TraceError) {
    let piece = ByteBuffer(byteCount: 1 << 22)
    while byteCount < end {
      let bytes = piece[0..<min(piece.bytes.count, end - byteCount)]
      guard try other.read(into: bytes, at: byteCount) == bytes.count else {
        throw TraceError(
          .corrupt, path: other.path, at: "byte \(byteCount)", "the journal was cut off just now")
      }
      try append([UnsafeRawBufferPointer(bytes)])
    }
  }

  /// Makes the journal an HDF5 file: what the image adds goes behind its bytes, the superblock in front.
  ///
  /// With `waits` all else is on the disk before the superblock is written, and that at the end.
  func complete(with image: HDF5Image, waits: Bool) throws(TraceError) {
    // An earlier attempt may have added more.
    if try size() > image.byteCount, ftruncate(descriptor, off_t(image.byteCount)) != 0 {
      throw failure("the journal cannot be cut to what it holds")
    }
    try write([image.tail], at: image.byteCount)
    if waits { try sync() }
    var refusal: TraceError?
    image.superblock.withUnsafeBytes { superblock in
      do throws(TraceError) { try write([superblock], at: 0) } catch { refusal = error }
    }
    if let refusal { throw refusal }
    if waits { try sync() }
  }

  /// Gives the file the name of a trace and frees it for readers.
  func move(to target: String) throws(TraceError) {
    try FileSystem.move(path, to: target)
    sizes.withLock { $0.isTrace = true }
    flock(descriptor, LOCK_UN)
  }

  /// Lets the system begin to write what was appended, so that ``sync()`` finds less to wait for; waits for nothing
  /// itself and promises nothing.
  func beginWriting() {
    #if !canImport(Darwin)
      let range = sizes.withLock { sizes in
        guard sizes.written - sizes.begun >= Self.worthBeginning else { return 0..<0 }
        defer { sizes.begun = sizes.written }
        return sizes.begun..<sizes.written
      }
      // Linux writes the changed pages of a range that is not needed any more.
      guard !range.isEmpty else { return }
      _ = posix_fadvise(descriptor, off_t(range.lowerBound), off_t(range.count), POSIX_FADV_DONTNEED)
    #endif
  }

  // Appended bytes with which beginning to write is worth the call.
  private static let worthBeginning = 4 << 20

  /// Waits until all appended bytes are on the disk.
  func sync() throws(TraceError) {
    #if canImport(Darwin)
      let isDone = fcntl(descriptor, F_FULLFSYNC) == 0
    #else
      let isDone = fdatasync(descriptor) == 0
    #endif
    guard isDone else { throw failure("the journal cannot be brought safely to disk") }
    sizes.withLock { $0.synced = $0.written }
  }

  /// Reads `count` bytes at `offset`, fewer where the file ends.
  func read(_ count: Int, at offset: Int) throws(TraceError) -> [UInt8] {
    var failure: TraceError?
    let count = max(0, min(count, byteCount - offset))
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { target, done in
      do throws(TraceError) {
        done = try read(
          into: UnsafeMutableRawBufferPointer(start: target.baseAddress, count: count), at: offset)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes
  }

  /// Fills `target` with the bytes at `offset` and returns how many the file had.
  func read(into target: UnsafeMutableRawBufferPointer, at offset: Int) throws(TraceError) -> Int {
    var done = 0
    while done < target.count {
      let got = pread(
        descriptor, target.baseAddress.map { $0 + done }, target.count - done, off_t(offset + done))
      if got < 0, errno == EINTR { continue }
      guard got >= 0 else { throw failure("the journal cannot be read") }
      guard got > 0 else { break }
      done += got
    }
    return done
  }

  /// Takes the file away while the lock is still held.
  func remove() {
    unlink(path)
  }

  private func failure(_ message: String) -> TraceError { FileSystem.failure(path, message) }
}
