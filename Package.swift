// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "wctrace",
  products: [
    .library(name: "Trace", targets: ["Trace"])
  ],
  targets: [
    .systemLibrary(name: "CHDF5", pkgConfig: "hdf5", providers: [.apt(["libhdf5-dev"])]),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .target(name: "Trace", dependencies: ["CHDF5", "CZstd"]),
    .target(name: "TestSupport", dependencies: ["Trace"], path: "Tests/TestSupport"),
    .testTarget(name: "TraceTests", dependencies: ["Trace", "TestSupport"]),
  ],
  swiftLanguageModes: [.v6]
)

var settings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]
if Context.environment["CI"] != nil { settings.append(.treatAllWarnings(as: .error)) }
for target in package.targets where target.type != .system {
  target.swiftSettings = (target.swiftSettings ?? []) + settings
}
