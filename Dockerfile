FROM node:24-bookworm-slim AS build
WORKDIR /sluice
# The dependencies first: their layer stays while only the source changes.
COPY package.json package-lock.json tsconfig.json .npmrc ./
RUN npm ci
COPY src src
COPY tools tools
RUN node tools/build.ts

# No shell and no package manager; the licences of what is bundled go with it.
FROM gcr.io/distroless/nodejs24-debian12:nonroot
COPY --from=build /sluice/dist/sluice.mjs /sluice/dist/sluice.mjs.LEGAL.txt /
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/nodejs/bin/node", "/sluice.mjs"]
CMD ["run"]
