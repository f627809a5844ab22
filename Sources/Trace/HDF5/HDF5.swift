import CHDF5
import Synchronization

/// The HDF5 library behind one lock: every call into it goes through ``locked(_:)``.
///
/// The library has one global lock of its own; a second one outside keeps its per-thread error
/// printing off and makes the cost of sharing visible in one place. The lock is not recursive:
/// inside, only plain identifiers are used and closed, never an ``HDF5Handle``.
package enum HDF5 {
  private static let lock = Mutex(())

  // The exit hook misfires under threaded tests, plugins would load code named by a file, and
  // the zstd filter must be known before a dataset with it can be created.
  private static let isReady: Bool = {
    _ = H5dont_atexit()
    guard H5open() >= 0 else { return false }
    _ = H5Eset_auto2(hid_t(H5E_DEFAULT), nil, nil)
    return H5PLset_loading_state(0) >= 0 && wct_register_zstd() >= 0
  }()

  /// Runs `body` as the only user of the library.
  static func locked<Result: Sendable, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try lock.withLock { _ throws(Failure) in
      precondition(isReady, "the HDF5 library does not start")
      _ = H5Eset_auto2(hid_t(H5E_DEFAULT), nil, nil)
      return try body()
    }
  }
}

/// Owner of one library identifier, which it closes when the last reference is gone.
package final class HDF5Handle: Sendable {
  let id: hid_t
  private let closer: @Sendable (hid_t) -> herr_t
  private let isClosed = Atomic(false)

  /// Takes over an identifier; nil when it is the library's sign of failure.
  init?(_ id: hid_t, closer: @escaping @Sendable (hid_t) -> herr_t) {
    guard id >= 0 else { return nil }
    self.id = id
    self.closer = closer
  }

  /// Closes now; false when the library reports that pending data could not be written.
  func close() -> Bool {
    guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return true }
    return HDF5.locked { closer(id) >= 0 }
  }

  deinit {
    _ = close()
  }
}

/// Where in which file an operation works, and what its failure means.
package struct HDF5Place: Hashable, Sendable {
  var path: String
  var location: String
  /// `corrupt` when reading, `inputOutput` when writing.
  var failure: TraceError.Code

  func inside(_ name: String) -> HDF5Place {
    var place = self
    place.location = location == "/" ? "/\(name)" : "\(location)/\(name)"
    return place
  }

  func error(_ message: String) -> TraceError {
    TraceError(failure, path: path, at: location, message)
  }
}
