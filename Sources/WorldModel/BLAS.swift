import COpenBLAS
import Foundation

/// The door to OpenBLAS: single precision matrix products, row-major, and its thread controls.
///
/// The last bits of a product depend on the thread count and on the kernel that was chosen for the
/// processor, so traces state both.
public enum BLAS {
  /// Threads of a product; a setting of the whole process.
  public static var threadCount: Int {
    get { Int(openblas_get_num_threads()) }
    set { openblas_set_num_threads(Int32(newValue)) }
  }

  /// The kernel in use, such as `Haswell`.
  public static var core: String { String(cString: openblas_get_corename()) }

  /// What OPENBLAS_CORETYPE should say; nil where the kernel in use is made for this processor, or was asked for.
  ///
  /// OpenBLAS takes an old kernel on processors that are newer than it.
  public static var fasterCore: String? {
    guard ProcessInfo.processInfo.environment["OPENBLAS_CORETYPE"] == nil else { return nil }
    return fasterCore(than: core, with: processorFeatures)
  }

  /// Kernels without AVX2, by the names that OpenBLAS gives them.
  private static let oldCores: Set<String> = [
    "atom", "core2", "dunnington", "generic", "nehalem", "penryn", "prescott", "sandybridge",
  ]

  /// The same for any kernel and any features of an x86 processor, as Linux spells them.
  static func fasterCore(than core: String, with features: Set<String>) -> String? {
    guard oldCores.contains(core.lowercased()), features.isSuperset(of: ["avx2", "fma"]) else { return nil }
    return features.isSuperset(of: ["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"])
      ? "SkylakeX" : "Haswell"
  }

  // Of the first processor; none where the system does not tell.
  private static var processorFeatures: Set<String> {
    let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("flags") }
    return Set((line?.split(separator: ":").last ?? "").split(separator: " ").map(String.init))
  }

  /// Version and options that the library was built with.
  public static var build: String { String(cString: openblas_get_config()) }

  /// c = scale · a · bᵀ + keep · c, with c (rows, columns), a (rows, inner), b (columns, inner).
  ///
  /// A stride is the distance from one row to the next.
  static func multiplyTransposed(
    _ c: UnsafeMutablePointer<Float>, stride cStride: Int,
    _ a: UnsafePointer<Float>, stride aStride: Int,
    _ b: UnsafePointer<Float>, stride bStride: Int,
    rows: Int, columns: Int, inner: Int, scale: Float = 1, keep: Float = 0
  ) {
    cblas_sgemm(
      CblasRowMajor, CblasNoTrans, CblasTrans, blasint(rows), blasint(columns), blasint(inner), scale,
      a, blasint(aStride), b, blasint(bStride), keep, c, blasint(cStride))
  }

  /// c = a · b, with c (rows, columns), a (rows, inner), b (inner, columns).
  static func multiply(
    _ c: UnsafeMutablePointer<Float>, stride cStride: Int,
    _ a: UnsafePointer<Float>, stride aStride: Int,
    _ b: UnsafePointer<Float>, stride bStride: Int,
    rows: Int, columns: Int, inner: Int
  ) {
    cblas_sgemm(
      CblasRowMajor, CblasNoTrans, CblasNoTrans, blasint(rows), blasint(columns), blasint(inner), 1,
      a, blasint(aStride), b, blasint(bStride), 0, c, blasint(cStride))
  }
}
